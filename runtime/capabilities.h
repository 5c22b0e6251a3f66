// Linux capabilities as a set, by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bld::runtime {

// A value. Bit n is capability n of capability(7).
class CapabilitySet {
 public:
  constexpr CapabilitySet() = default;

  static CapabilitySet container_default();  // the 14 of Docker
  static CapabilitySet all();                // those that this program knows by name
  static CapabilitySet permitted();          // of this thread

  // The default with --cap-add and --cap-drop. Their order does not matter: dropping ALL leaves
  // what is added, adding ALL leaves out what is dropped. A name in both lists throws.
  static CapabilitySet container_default(const std::vector<std::string>& add,
                                         const std::vector<std::string>& drop);

  // Names as "CAP_CHOWN" or "chown"; "ALL" stands for all. Unknown names throw.
  void add(std::string_view name);
  void drop(std::string_view name);

  bool has(int number) const { return (bits_ >> number & 1) != 0; }

  bool has(std::string_view name) const;

  std::uint64_t bits() const { return bits_; }

  CapabilitySet common_with(CapabilitySet other) const {
    return CapabilitySet(bits_ & other.bits_);
  }

  CapabilitySet without(CapabilitySet other) const { return CapabilitySet(bits_ & ~other.bits_); }

  std::vector<std::string> names() const;  // "CAP_CHOWN", in the order of their numbers

  bool operator==(const CapabilitySet&) const = default;

 private:
  explicit constexpr CapabilitySet(std::uint64_t bits) : bits_(bits) {}

  std::uint64_t bits_ = 0;
};

}  // namespace bld::runtime
