#include "layers/archive.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>

#include "base/error.h"
#include "layers/background.h"
#include "layers/compression.h"
#include "layers/tar_header.h"
#include "layers/tar_reader.h"
#include "layers/tree_writer.h"
#include "layers/unpack_filter.h"

namespace bld::layers {

namespace {

using base::Error;

// A file from its beginning, whatever its read position is.
class FileAt : public base::ByteSource {
 public:
  explicit FileAt(int fd) : fd_(fd) {}

  std::size_t read(std::span<std::byte> buffer) override {
    for (;;) {
      const ssize_t count = ::pread(fd_, buffer.data(), buffer.size(), offset_);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw Error::sys("read", "");
      offset_ += count;
      return static_cast<std::size_t>(count);
    }
  }

 private:
  int fd_;
  off_t offset_ = 0;
};

std::size_t read_up_to(base::ByteSource& source, std::span<std::byte> buffer) {
  std::size_t used = 0;
  while (used < buffer.size()) {
    const std::size_t count = source.read(buffer.subspan(used));
    if (count == 0) break;
    used += count;
  }
  return used;
}

std::unique_ptr<base::ByteSource> uncompressed(int fd, base::ByteSource& file) {
  std::array<std::byte, 8> head;
  FileAt again(fd);
  const base::Bytes known = base::Bytes(head).first(read_up_to(again, head));
  return is_bzip2_or_xz(known) ? unpack_bzip2_or_xz(file) : decompress(file);
}

}  // namespace

bool is_archive(int fd) {
  struct stat status;
  if (::fstat(fd, &status) != 0) throw Error::sys("fstat", "");
  if (!S_ISREG(status.st_mode)) return false;
  FileAt file(fd);
  std::array<std::byte, kTarBlock> block;
  try {
    const auto tar = uncompressed(fd, file);
    return read_up_to(*tar, block) == block.size() && is_tar_header(block);
  } catch (const Error& error) {
    if (error.error_number() != 0) throw;
    return false;  // what cannot be decompressed is some other file
  }
}

std::uint64_t extract_archive(int fd, const base::RootedDir& destination,
                              const ExtractOptions& options) {
  FileAt file(fd);
  const auto plain = uncompressed(fd, file);
  ReadAhead ahead(*plain);
  TarReader reader(ahead);
  TreeWriter tree(destination, {options.reserve_bytes, nullptr});
  std::uint64_t count = 0;
  while (const FileEntry* original = reader.next()) {
    if (original->path.empty()) continue;
    FileEntry entry = *original;
    entry.uid = options.uid.value_or(entry.uid);
    entry.gid = options.gid.value_or(entry.gid);
    if (options.max_mtime && entry.mtime_sec > *options.max_mtime) {
      entry.mtime_sec = *options.max_mtime;
      entry.mtime_nsec = 0;
    }
    tree.add(entry, &reader.content());
    ++count;
  }
  tree.finish();
  return count;
}

}  // namespace bld::layers
