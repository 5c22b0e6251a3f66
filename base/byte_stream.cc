#include "base/byte_stream.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.h"

namespace bld::base {

namespace {
constexpr std::size_t kPumpBytes = 128 * 1024;
}

std::size_t MemorySource::read(std::span<std::byte> buffer) {
  const std::size_t count = std::min(buffer.size(), rest_.size());
  if (count > 0) std::memcpy(buffer.data(), rest_.data(), count);
  rest_ = rest_.subspan(count);
  return count;
}

std::size_t FdSource::read(std::span<std::byte> buffer) {
  for (;;) {
    const ssize_t count = ::read(fd_, buffer.data(), buffer.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) throw Error::sys("read", "");
  }
}

void FdSink::write(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      throw Error::sys("write", "");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

std::uint64_t pump(ByteSource& source, ByteSink& sink) {
  std::vector<std::byte> buffer(kPumpBytes);
  std::uint64_t total = 0;
  while (const std::size_t count = source.read(buffer)) {
    sink.write(Bytes(buffer).first(count));
    total += count;
  }
  return total;
}

std::string read_to_end(ByteSource& source, std::size_t limit_bytes) {
  std::string text;
  std::vector<std::byte> buffer(64 * 1024);
  while (const std::size_t count = source.read(buffer)) {
    if (text.size() + count > limit_bytes) throw Error("longer than {} bytes", limit_bytes);
    text.append(as_text(Bytes(buffer).first(count)));
  }
  return text;
}

}  // namespace bld::base
