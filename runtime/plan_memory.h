// How a plan travels to the process that carries it out: one piece of memory with a struct at its
// start, in which lists are places, so that the other side has nothing to decode. Both sides are
// the same program, and trust each other.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/unique_fd.h"

namespace bld::runtime {

// Values one after another, `offset` bytes from the start of the memory.
template <typename T>
struct List {
  std::uint32_t offset = 0, count = 0;

  bool empty() const { return count == 0; }
};

// Ends with a zero byte, which is not counted.
using Text = List<char>;

// The offsets of zero-terminated texts, and a zero after the last: with the start of the memory
// added they are what execve() wants.
using Texts = List<std::uintptr_t>;

// A descriptor's place in the list that goes along; on the other side it is the descriptor itself.
using FdSlot = std::int32_t;

// Collects what `head` refers to. Not for more than 4 GiB.
template <typename Head>
class PlanWriter {
 public:
  static_assert(std::has_unique_object_representations_v<Head>, "no byte of it is undefined");

  PlanWriter() : bytes_(sizeof(Head), '\0') {}

  // Goes on with what another one wrote.
  explicit PlanWriter(std::string_view bytes) : bytes_(bytes) {
    std::memcpy(&head, bytes_.data(), sizeof head);
  }

  ~PlanWriter() { ::explicit_bzero(bytes_.data(), bytes_.size()); }

  PlanWriter(const PlanWriter&) = delete;
  PlanWriter& operator=(const PlanWriter&) = delete;

  Head head;

  template <typename T>

  requires std::is_trivially_copyable_v<T> List<T> add(const std::vector<T>& values) {
    return append(values.data(), values.size());
  }

  Text add(std::string_view text) {
    const Text result = append(text.data(), text.size());
    bytes_.push_back('\0');
    return result;
  }

  Texts add(const std::vector<std::string>& texts) {
    std::vector<std::uintptr_t> places;
    for (const std::string& text : texts) places.push_back(add(text).offset);
    places.push_back(0);
    Texts result = add(places);
    result.count -= 1;
    return result;
  }

  // The same for the same head and lists, added in the same order.
  std::string_view bytes() {
    std::memcpy(bytes_.data(), &head, sizeof head);
    return bytes_;
  }

 private:
  template <typename T>
  List<T> append(const T* values, std::size_t count) {
    bytes_.resize((bytes_.size() + alignof(T) - 1) / alignof(T) * alignof(T));
    const List<T> result{static_cast<std::uint32_t>(bytes_.size()),
                         static_cast<std::uint32_t>(count)};
    if (count != 0) bytes_.append(reinterpret_cast<const char*>(values), count * sizeof(T));
    return result;
  }

  std::string bytes_;
};

// The other side of it, mapped: private and writable. Not to be copied about; who mapped it unmaps
// it.
template <typename Head>
struct MappedPlan {
  char* start = nullptr;
  std::size_t size = 0;

  Head& head() const { return *reinterpret_cast<Head*>(start); }

  template <typename T>
  std::span<T> list(List<T> place) const {
    return {reinterpret_cast<T*>(start + place.offset), place.count};
  }

  const char* text(Text place) const { return start + place.offset; }

  const char* text(std::uintptr_t place) const { return start + place; }

  // As execve() wants them; once for each list.
  char** pointers(Texts place) const {
    for (std::uintptr_t& text : list(place)) text += reinterpret_cast<std::uintptr_t>(start);
    return reinterpret_cast<char**>(start + place.offset);
  }
};

}  // namespace bld::runtime
