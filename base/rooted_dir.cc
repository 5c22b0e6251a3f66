#include "base/rooted_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/owner_record.h"
#include "base/text.h"

namespace bld::base {

namespace {

// "." for what names the directory itself; else the path without slashes in front.
std::string relative(std::string_view path) {
  const std::size_t start = path.find_first_not_of('/');
  return start == std::string_view::npos ? "." : std::string(path.substr(start));
}

std::uint64_t resolve_flags(Resolve resolve) {
  switch (resolve) {
    case Resolve::kInRoot:
      return RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    case Resolve::kInRootNoLinks:
      return RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
    case Resolve::kBeneath:
      return RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  }
  return RESOLVE_BENEATH;
}

// The kernel answers EAGAIN when a rename or mount raced with "..": try again a few times.
int open_resolved(int dir, const std::string& path, int flags, mode_t mode, Resolve resolve) {
  struct open_how how = {};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
  how.resolve = resolve_flags(resolve);
  for (int attempt = 0;; ++attempt) {
    const long fd = ::syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    if ((errno != EAGAIN && errno != EINTR) || attempt == 1000) return -1;
  }
}

bool is_missing(int error) { return error == ENOENT || error == ENOTDIR; }

std::optional<struct stat> stat_of(const RootedDir& root, std::string_view path, int extra_flags) {
  const auto fd = root.find(path, O_PATH | extra_flags);
  if (!fd) return std::nullopt;
  struct stat status;
  if (::fstat(fd->get(), &status) != 0) throw Error::sys("fstat", printable(path));
  amend_fd(fd->get(), status);
  return status;
}

std::vector<std::string> names_in(int dir_fd) {
  // A descriptor of its own, so that the read position is ours; an O_PATH one cannot be read.
  const int fd = ::openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw Error::sys("open", "directory");
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd), &::closedir);
  if (!stream) throw Error::sys("fdopendir", "");
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const struct dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) throw Error::sys("readdir", "");
  std::sort(names.begin(), names.end());
  return names;
}

// Opens a directory for emptying it. Without permission bits it is opened up first.
UniqueFd open_for_removal(int parent, const std::string& name) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  struct stat status;
  if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISDIR(status.st_mode) && (status.st_mode & 0700) != 0700) {
    ::fchmodat(parent, name.c_str(), 0700, 0);
  }
  UniqueFd fd(::openat(parent, name.c_str(), kFlags));
  if (!fd) throw Error::sys("open", printable(name));
  return fd;
}

}  // namespace

RootedDir RootedDir::open(const std::filesystem::path& trusted_path) {
  UniqueFd fd(::open(trusted_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw Error::sys("open", trusted_path.string());
  return RootedDir(std::move(fd));
}

UniqueFd RootedDir::open_at(std::string_view path, int flags, mode_t mode, Resolve resolve) const {
  UniqueFd fd(open_resolved(fd_.get(), relative(path), flags, mode, resolve));
  if (!fd) throw Error::sys("open", printable(path));
  return fd;
}

std::optional<UniqueFd> RootedDir::find(std::string_view path, int flags, Resolve resolve) const {
  UniqueFd fd(open_resolved(fd_.get(), relative(path), flags, 0, resolve));
  if (fd) return fd;
  if (is_missing(errno)) return std::nullopt;
  throw Error::sys("open", printable(path));
}

RootedDir RootedDir::open_dir(std::string_view path, Resolve resolve) const {
  return RootedDir(open_at(path, O_RDONLY | O_DIRECTORY, 0, resolve));
}

std::optional<RootedDir> RootedDir::find_dir(std::string_view path, Resolve resolve) const {
  auto fd = find(path, O_RDONLY | O_DIRECTORY, resolve);
  if (!fd) return std::nullopt;
  return RootedDir(std::move(*fd));
}

UniqueFd RootedDir::open_regular(std::string_view path, Resolve resolve) const {
  UniqueFd fd = open_at(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, resolve);
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) throw Error::sys("fstat", printable(path));
  if (!S_ISREG(status.st_mode)) throw Error("{} is not a regular file", printable(path));
  return fd;
}

std::optional<struct stat> RootedDir::lstat(std::string_view path) const {
  return stat_of(*this, path, O_NOFOLLOW);
}

std::optional<struct stat> RootedDir::stat(std::string_view path) const {
  return stat_of(*this, path, 0);
}

RootedDir RootedDir::make_dirs(std::string_view path, mode_t mode) const {
  // The prefix is opened from the root each time: the kernel resolves links on the way, ".." too.
  std::string prefix;
  RootedDir current = duplicate();
  for (const std::string_view name : path_components(path)) {
    prefix += prefix.empty() ? "" : "/";
    prefix += name;
    auto next = find_dir(prefix);
    if (!next) {
      const std::string component(name);
      if (::mkdirat(current.fd(), component.c_str(), 0700) == 0) {
        if (::fchmodat(current.fd(), component.c_str(), mode, 0) != 0) {
          throw Error::sys("chmod", printable(prefix));
        }
      } else if (errno != EEXIST) {
        throw Error::sys("mkdir", printable(prefix));
      }
      next = open_dir(prefix);
    }
    current = std::move(*next);
  }
  return current;
}

std::vector<std::string> RootedDir::names() const { return names_in(fd_.get()); }

std::string RootedDir::read_link(const std::string& name) const {
  std::string target(PATH_MAX, '\0');
  const ssize_t length = ::readlinkat(fd_.get(), name.c_str(), target.data(), target.size());
  if (length < 0) throw Error::sys("readlink", printable(name));
  target.resize(static_cast<std::size_t>(length));
  return target;
}

void RootedDir::remove_tree(const std::string& name) const {
  if (::unlinkat(fd_.get(), name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) throw Error::sys("unlink", printable(name));

  // A stack of open directories instead of recursion; the deepest ones go first.
  struct Level {
    UniqueFd dir;
    std::string name;
    std::vector<std::string> rest;
  };

  std::vector<Level> levels;
  const auto descend = [&](int parent, const std::string& child) {
    UniqueFd dir = open_for_removal(parent, child);
    std::vector<std::string> rest = names_in(dir.get());
    levels.push_back({std::move(dir), child, std::move(rest)});
  };
  descend(fd_.get(), name);
  while (!levels.empty()) {
    Level& level = levels.back();
    if (level.rest.empty()) {
      const std::string done = std::move(level.name);
      levels.pop_back();
      const int parent = levels.empty() ? fd_.get() : levels.back().dir.get();
      if (::unlinkat(parent, done.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
        throw Error::sys("rmdir", printable(done));
      }
      continue;
    }
    const std::string child = std::move(level.rest.back());
    level.rest.pop_back();
    if (::unlinkat(level.dir.get(), child.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR && errno != EPERM) throw Error::sys("unlink", printable(child));
    descend(level.dir.get(), child);
  }
}

std::vector<std::string_view> path_components(std::string_view path) {
  std::vector<std::string_view> components;
  while (!path.empty()) {
    const std::size_t end = path.find('/');
    const std::string_view component = path.substr(0, end);
    if (!component.empty() && component != ".") components.push_back(component);
    if (end == std::string_view::npos) break;
    path.remove_prefix(end + 1);
  }
  return components;
}

std::string clean_absolute(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const std::string_view component : path_components(path)) {
    if (component != "..") {
      kept.push_back(component);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string result;
  for (const std::string_view component : kept) {
    result += '/';
    result += component;
  }
  return result.empty() ? "/" : result;
}

ParentAndName split_path(std::string_view path) {
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", std::string(path)};
  std::string_view parent = path.substr(0, slash);
  while (!parent.empty() && parent.back() == '/') parent.remove_suffix(1);
  return {std::string(parent), std::string(path.substr(slash + 1))};
}

}  // namespace bld::base
