// How content crosses folders: bytes are pulled from a ByteSource and pushed into a ByteSink.
// Both are used by one thread at a time and throw Error on failure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bld::base {

using Bytes = std::span<const std::byte>;

inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills the front of `buffer`; 0 only at the end (or for an empty buffer).
  virtual std::size_t read(std::span<std::byte> buffer) = 0;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual void write(Bytes bytes) = 0;
};

// Bytes of a memory that outlives the source.
class MemorySource : public ByteSource {
 public:
  explicit MemorySource(Bytes bytes) : rest_(bytes) {}

  explicit MemorySource(std::string_view text) : rest_(as_bytes(text)) {}

  std::size_t read(std::span<std::byte> buffer) override;

 private:
  Bytes rest_;
};

// Reads from a descriptor that outlives the source, from its current offset.
class FdSource : public ByteSource {
 public:
  explicit FdSource(int fd) : fd_(fd) {}

  std::size_t read(std::span<std::byte> buffer) override;

 private:
  int fd_;
};

// Writes to a descriptor that outlives the sink. Not buffered.
class FdSink : public ByteSink {
 public:
  explicit FdSink(int fd) : fd_(fd) {}

  void write(Bytes bytes) override;

 private:
  int fd_;
};

class StringSink : public ByteSink {
 public:
  void write(Bytes bytes) override { text.append(as_text(bytes)); }

  std::string text;
};

// Hands every byte to two sinks, the first one first.
class TeeSink : public ByteSink {
 public:
  TeeSink(ByteSink& first, ByteSink& second) : first_(first), second_(second) {}

  void write(Bytes bytes) override {
    first_.write(bytes);
    second_.write(bytes);
  }

 private:
  ByteSink& first_;
  ByteSink& second_;
};

// Copies to the end of the source; returns the number of bytes.
std::uint64_t pump(ByteSource& source, ByteSink& sink);

// The whole rest of the source; throws when it is longer than `limit_bytes`.
std::string read_to_end(ByteSource& source, std::size_t limit_bytes);

}  // namespace bld::base
