#include "base/file_io.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/unique_fd.h"

namespace bld::base {

namespace {

// One run of data, by the kernel where it can, else through a buffer.
void copy_range(int from_fd, int to_fd, off_t offset, off_t end) {
  off_t in = offset;
  off_t out = offset;
  while (in < end) {
    const ssize_t count =
        ::copy_file_range(from_fd, &in, to_fd, &out, static_cast<std::size_t>(end - in), 0);
    if (count > 0) continue;
    if (count == 0) return;  // the source became shorter
    if (errno == EINTR) continue;
    if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS) {
      throw Error::sys("copy_file_range", "");
    }
    break;
  }
  std::vector<std::byte> buffer(in < end ? 128 * 1024 : 0);
  while (in < end) {
    const auto wanted = std::min<off_t>(end - in, static_cast<off_t>(buffer.size()));
    const ssize_t count = ::pread(from_fd, buffer.data(), static_cast<std::size_t>(wanted), in);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error::sys("read", "");
    if (count == 0) return;
    for (ssize_t done = 0; done < count;) {
      const ssize_t written =
          ::pwrite(to_fd, buffer.data() + done, static_cast<std::size_t>(count - done), in + done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw Error::sys("write", "");
      done += written;
    }
    in += count;
  }
}

}  // namespace

std::string read_fd(int fd, std::size_t limit_bytes) {
  FdSource source(fd);
  return read_to_end(source, limit_bytes);
}

std::string read_file(const std::filesystem::path& path, std::size_t limit_bytes) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw Error::sys("open", path.string());
  try {
    return read_fd(fd.get(), limit_bytes);
  } catch (Error& error) {
    error.add_context(path.string());
    throw;
  }
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text, mode_t mode) {
  const std::filesystem::path beside = path.string() + "." + random_id() + ".tmp";
  try {
    const UniqueFd fd(
        ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!fd) throw Error::sys("open", beside.string());
    write_all(fd.get(), as_bytes(text));
    sync_fd(fd.get());
    if (::rename(beside.c_str(), path.c_str()) != 0) throw Error::sys("rename", path.string());
  } catch (...) {
    ::unlink(beside.c_str());
    throw;
  }
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  const UniqueFd dir(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir) throw Error::sys("open", parent.string());
  sync_fd(dir.get());
}

void write_all(int fd, Bytes bytes) { FdSink(fd).write(bytes); }

std::uint64_t copy_contents(int from_fd, int to_fd) {
  struct stat status;
  if (::fstat(from_fd, &status) != 0) throw Error::sys("fstat", "");
  const off_t size = status.st_size;
  if (size == 0) return 0;
  if (::ioctl(to_fd, FICLONE, from_fd) == 0) return static_cast<std::uint64_t>(size);
  const bool has_holes = status.st_blocks * 512 < size;
  if (!has_holes) {
    copy_range(from_fd, to_fd, 0, size);
  } else {
    if (::ftruncate(to_fd, size) != 0) throw Error::sys("ftruncate", "");
    off_t data = 0;
    while (data < size && (data = ::lseek(from_fd, data, SEEK_DATA)) >= 0) {
      const off_t hole = ::lseek(from_fd, data, SEEK_HOLE);
      if (hole < 0) throw Error::sys("lseek", "SEEK_HOLE");
      copy_range(from_fd, to_fd, data, hole);
      data = hole;
    }
    if (data < 0 && errno != ENXIO) throw Error::sys("lseek", "SEEK_DATA");
  }
  return static_cast<std::uint64_t>(size);
}

void sync_fd(int fd) {
  if (::fsync(fd) != 0) throw Error::sys("fsync", "");
}

void sync_filesystem(int fd) {
  if (::syncfs(fd) != 0) throw Error::sys("syncfs", "");
}

}  // namespace bld::base
