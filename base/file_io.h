// Files as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/byte_stream.h"

namespace bld::base {

// The whole file; throws when it is longer than `limit_bytes`.
std::string read_file(const std::filesystem::path& path, std::size_t limit_bytes);
std::string read_fd(int fd, std::size_t limit_bytes);

// Replaces `path` at once: readers see the old text or the new one, also after a power loss.
void write_file_atomically(const std::filesystem::path& path, std::string_view text, mode_t mode);

void write_all(int fd, Bytes bytes);

// Copies the contents of one regular file to another, empty one: by reflink where the file system
// can, else in the kernel, holes kept. Returns the bytes of content.
std::uint64_t copy_contents(int from_fd, int to_fd);

void sync_fd(int fd);          // fsync; a failure means that the bytes are lost
void sync_filesystem(int fd);  // syncfs of the file system that holds `fd`

}  // namespace bld::base
