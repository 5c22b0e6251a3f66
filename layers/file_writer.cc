#include "layers/file_writer.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/check.h"
#include "base/error.h"
#include "base/owner_record.h"
#include "base/rooted_dir.h"

namespace bld::layers {

namespace {

using base::Error;
using Type = FileEntry::Type;

int make_whiteout(int directory, const char* name) {
  if (::mknodat(directory, name, S_IFCHR, makedev(0, 0)) == 0) return 0;
  if (errno != EPERM) return -1;
  const base::UniqueFd fd(::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  return fd ? ::fsetxattr(fd.get(), kWhiteoutMark, "y", 1, 0) : -1;
}

std::array<struct timespec, 2> times_of(std::int64_t seconds, std::uint32_t nanoseconds) {
  const struct timespec mtime = {seconds, static_cast<long>(nanoseconds)};
  return {mtime, mtime};
}

// A layer's owners are never lost in silence.
void record_owner(int fd, const FileEntry& entry) {
  base::OwnerRecord record;
  record.uid = entry.uid;
  record.gid = entry.gid;
  if (is_device(entry)) {
    record.device_type = entry.type == Type::kBlockDevice ? S_IFBLK : S_IFCHR;
    record.device = makedev(entry.dev_major, entry.dev_minor);
  }
  if (base::write_owner_of(fd, record)) return;
  throw Error::sys("setxattr", base::kOwnerXattr)
      .hint(
          "with one id mapped, the store needs a file system with user extended attributes: name "
          "another with --root");
}

}  // namespace

bool is_device(const FileEntry& entry) {
  return entry.type == Type::kCharDevice || entry.type == Type::kBlockDevice;
}

base::UniqueFd create_file(int directory, const std::string& name, const FileEntry& entry) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  // Set-id bits only when owner and contents are there.
  return base::UniqueFd(::openat(directory, name.c_str(), kFlags, entry.mode & 0777));
}

void set_metadata(int fd, const struct stat& status, const FileEntry& entry) {
  const bool recorded = base::records_owners();
  if (recorded) record_owner(fd, entry);
  const bool new_owner = !recorded && (status.st_uid != entry.uid || status.st_gid != entry.gid);
  if (new_owner && ::fchown(fd, entry.uid, entry.gid) != 0) throw Error::sys("chown", "");
  constexpr unsigned kSetId = S_ISUID | S_ISGID;
  if (((status.st_mode & 07777) != entry.mode || (new_owner && (entry.mode & kSetId) != 0)) &&
      ::fchmod(fd, entry.mode & 07777) != 0) {
    throw Error::sys("chmod", "");
  }
  for (const auto& [name, value] : entry.xattrs) {
    if (!is_layer_xattr(name)) continue;
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0) {
      throw Error::sys("setxattr", name);
    }
  }
  set_times(fd, entry.mtime_sec, entry.mtime_nsec);
}

void set_metadata(int fd, const FileEntry& entry) {
  struct stat status;
  if (::fstat(fd, &status) != 0) throw Error::sys("fstat", "");
  set_metadata(fd, status, entry);
}

void set_times(int fd, std::int64_t seconds, std::uint32_t nanoseconds) {
  if (::futimens(fd, times_of(seconds, nanoseconds).data()) != 0) throw Error::sys("utimens", "");
}

bool create_special(int directory, const std::string& name, const FileEntry& entry) {
  int result = -1;
  const char* call = "mknod";
  if (entry.type == Type::kSymlink) {
    call = "symlink";
    result = ::symlinkat(entry.link.c_str(), directory, name.c_str());
  } else if (entry.type == Type::kWhiteout) {
    result = make_whiteout(directory, name.c_str());
  } else {
    BLD_CHECK(entry.type == Type::kFifo);
    result = ::mknodat(directory, name.c_str(), S_IFIFO | 0600, 0);
  }
  if (result != 0) {
    if (errno == EEXIST) return false;
    throw Error::sys(call, "");
  }
  if (entry.type == Type::kWhiteout) return true;
  if (!base::set_owner_at(directory, name, entry.uid, entry.gid)) {
    throw Error::sys("chown", "");
  }
  // The name is ours and a fifo, so that fchmodat, which follows links, meets none.
  if (entry.type == Type::kFifo &&
      ::fchmodat(directory, name.c_str(), entry.mode & 07777, 0) != 0) {
    throw Error::sys("chmod", "");
  }
  const auto times = times_of(entry.mtime_sec, entry.mtime_nsec);
  if (::utimensat(directory, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
    throw Error::sys("utimens", "");
  }
  return true;
}

void make_opaque(int directory) {
  if (::fsetxattr(directory, "user.overlay.opaque", "y", 1, 0) == 0) return;
  const int error_number = errno;
  if (::fsetxattr(directory, kOpaqueMark, "y", 1, 0) == 0) return;
  throw Error::sys("setxattr", "user.overlay.opaque", error_number)
      .hint("layers need a file system with user extended attributes: name another with --root");
}

void make_not_opaque(int directory) {
  for (const char* name : {"user.overlay.opaque", "trusted.overlay.opaque", kOpaqueMark}) {
    if (::fremovexattr(directory, name) != 0 && errno != ENODATA && errno != ENOTSUP &&
        errno != EPERM) {
      throw Error::sys("removexattr", name);
    }
  }
}

bool stat_name(int directory, const std::string& name, struct stat& status) {
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno == ENOENT) return false;
  throw Error::sys("stat", "");
}

bool is_whiteout(int directory, const std::string& name, const struct stat& status) {
  if (S_ISCHR(status.st_mode)) return status.st_rdev == 0;
  if (!S_ISREG(status.st_mode) || status.st_size != 0) return false;
  const base::UniqueFd fd(
      ::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  return fd && ::fgetxattr(fd.get(), kWhiteoutMark, nullptr, 0) >= 0;
}

void remove_name(int directory, const std::string& name) {
  if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) throw Error::sys("unlink", "");
  base::UniqueFd fd(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw Error::sys("open", "");
  base::RootedDir(std::move(fd)).remove_tree(name);
}

}  // namespace bld::layers
