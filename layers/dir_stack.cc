#include "layers/dir_stack.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"

namespace bld::layers {

namespace {

constexpr std::size_t kOpenLevels = 16;
constexpr std::size_t kPathStep = 3000;  // the kernel takes up to PATH_MAX bytes at a time
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

int open_step(int dir, const std::string& path, int flags) {
  struct open_how how = {};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (int attempt = 0;; ++attempt) {
    const long fd = ::syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    if ((errno != EAGAIN && errno != EINTR) || attempt == 1000) return -1;
  }
}

}  // namespace

DirStack::DirStack(int root) {
  // Not a duplicate of an O_PATH descriptor: this one is read from and written to.
  push(base::UniqueFd(::openat(root, ".", kDirectory)));
}

void DirStack::push(const std::string& name) {
  base::UniqueFd fd(::openat(top(), name.c_str(), kDirectory));
  if (!fd) throw base::Error::sys("open", base::printable(name));
  push(std::move(fd));
}

void DirStack::push(base::UniqueFd directory) {
  if (!directory) throw base::Error::sys("open", "directory");
  struct stat status;
  if (::fstat(directory.get(), &status) != 0) throw base::Error::sys("fstat", "directory");
  levels_.push_back({std::move(directory), status});
  if (levels_.size() > kOpenLevels) levels_[levels_.size() - 1 - kOpenLevels].fd.reset();
}

void DirStack::pop() {
  BLD_CHECK(levels_.size() > 1);
  Level& parent = levels_[levels_.size() - 2];
  if (!parent.fd) {
    parent.fd.reset(::openat(top(), "..", kDirectory));
    if (!parent.fd) throw base::Error::sys("open", "..");
    struct stat status;
    if (::fstat(parent.fd.get(), &status) != 0) throw base::Error::sys("fstat", "..");
    if (status.st_ino != parent.status.st_ino || status.st_dev != parent.status.st_dev) {
      throw base::Error("a directory was moved while it was used");
    }
  }
  levels_.pop_back();
}

int open_beneath(int root, const std::string& path, int flags) {
  if (path.empty()) return ::openat(root, ".", flags | O_CLOEXEC);
  base::UniqueFd current;
  std::size_t start = 0;
  while (path.size() - start > kPathStep) {
    const std::size_t end = path.rfind('/', start + kPathStep);
    if (end == std::string::npos || end <= start) {
      errno = ENAMETOOLONG;
      return -1;
    }
    const int from = current ? current.get() : root;
    base::UniqueFd next(open_step(from, path.substr(start, end - start), O_PATH | O_DIRECTORY));
    if (!next) return -1;
    current = std::move(next);
    start = end + 1;
  }
  const int from = current ? current.get() : root;
  return open_step(from, start == 0 ? path : path.substr(start), flags);
}

}  // namespace bld::layers
