// An open file as a source that closes it.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "base/byte_stream.h"
#include "base/unique_fd.h"

namespace bld::registry {

// From the descriptor's current offset on.
class FileSource : public base::ByteSource {
 public:
  explicit FileSource(base::UniqueFd fd) : fd_(std::move(fd)), source_(fd_.get()) {}

  std::size_t read(std::span<std::byte> buffer) override { return source_.read(buffer); }

 private:
  base::UniqueFd fd_;
  base::FdSource source_;
};

}  // namespace bld::registry
