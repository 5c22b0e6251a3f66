#include "runtime/mount_points.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/rooted_dir.h"

namespace bld::runtime {
namespace {

base::UniqueFd open_entry(int directory, const std::string& name) {
  return base::UniqueFd(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

struct stat status_of(int fd) {
  struct stat status {};

  if (::fstat(fd, &status) != 0) throw base::Error::sys("fstat", "mount point");
  return status;
}

std::string link_text(int link) {
  std::string text(4096, '\0');
  const ssize_t length = ::readlinkat(link, "", text.data(), text.size());
  if (length < 0) throw base::Error::sys("readlinkat", "mount point");
  text.resize(static_cast<std::size_t>(length));
  return text;
}

// Times are a nicety: a file system that refuses them keeps its own.
void restore_times(int directory, const struct stat& before) {
  const timespec times[] = {before.st_atim, before.st_mtim};
  (void)!::utimensat(directory, ".", times, 0);
}

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool same_owner_and_mode(const struct stat& a, const struct stat& b) {
  return a.st_mode == b.st_mode && a.st_uid == b.st_uid && a.st_gid == b.st_gid;
}

// An empty file or directory with exactly this mode, whatever the umask; O_PATH. All goes by
// descriptor: in a cache, another step may put a link in the place of what was just made.
base::UniqueFd make_entry(int parent, const std::string& name, MountPoints::Kind kind) {
  const bool is_directory = kind == MountPoints::Kind::kDirectory;
  if (is_directory && ::mkdirat(parent, name.c_str(), 0755) != 0) {
    throw base::Error::sys("mkdir", name);
  }
  const int flags = is_directory ? O_RDONLY | O_DIRECTORY : O_WRONLY | O_CREAT | O_EXCL;
  const base::UniqueFd made(::openat(parent, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!made) throw base::Error::sys("create", name);
  if (::fchmod(made.get(), is_directory ? 0755 : 0644) != 0) throw base::Error::sys("chmod", name);
  const std::string path = "/proc/self/fd/" + std::to_string(made.get());
  base::UniqueFd result(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!result) throw base::Error::sys("open", name);
  return result;
}

// Directories that no mount of a step may cover; only below /dev may one be.
bool is_kernel_directory(std::string_view name, bool is_target) {
  return name == "proc" || name == "sys" || (name == "dev" && is_target);
}

}  // namespace

MountPoints::MountPoints(int root, std::filesystem::path upper)
    : root_(root), upper_(std::move(upper)) {}

MountPoints::Target MountPoints::make(std::string_view path, Kind kind) {
  return resolve(path, kind, true);
}

MountPoints::Target MountPoints::make_without_links(std::string_view path) {
  return resolve(path, Kind::kDirectory, false);
}

void MountPoints::expect_copy_up(const std::string& name) {
  std::vector<Node> stack;
  stack.push_back({name, open_entry(root_, name)});
  if (stack.back().fd) note_copy_up(stack);
}

void MountPoints::add_mount(const Target& target, int mount) { mounts_[target.path] = mount; }

// The walk is ours, component by component and never following a link unseen, because what is
// missing on the way is to be made there, and mounts that are not attached yet are to be entered.
MountPoints::Target MountPoints::resolve(std::string_view path, Kind kind, bool follow_links) {
  std::deque<std::string> pending;
  for (const std::string_view part : base::path_components(path)) pending.emplace_back(part);
  std::vector<Node> stack;
  stack.push_back({"", base::UniqueFd(::fcntl(root_, F_DUPFD_CLOEXEC, 3)), false});
  int links = 0;
  while (!pending.empty()) {
    const std::string name = std::move(pending.front());
    pending.pop_front();
    if (name == "..") {
      if (stack.size() > 1) stack.pop_back();
      continue;
    }
    descend(stack, name, pending.empty() ? kind : Kind::kDirectory);
    if (follow_links && stack.size() == 2 && is_kernel_directory(name, pending.empty())) {
      throw base::Error("mount target {}: /{} belongs to the container's own mounts", path, name);
    }
    const struct stat status = status_of(stack.back().fd.get());
    if (S_ISLNK(status.st_mode)) {
      if (!follow_links || ++links > 40) {
        throw base::Error("mount target {}: {} is a symbolic link", path, name);
      }
      const std::string text = link_text(stack.back().fd.get());
      stack.pop_back();
      if (text.starts_with('/')) stack.resize(1);
      const auto parts = base::path_components(text);
      pending.insert(pending.begin(), parts.begin(), parts.end());
    } else if (!pending.empty() && !S_ISDIR(status.st_mode)) {
      throw base::Error("mount target {}: {} is not a directory", path, name);
    }
  }
  const bool is_directory = S_ISDIR(status_of(stack.back().fd.get()).st_mode);
  if (stack.size() == 1) throw base::Error("mount target {} is the root directory", path);
  if (is_directory != (kind == Kind::kDirectory)) {
    throw base::Error("mount target {} is {} directory", path, is_directory ? "a" : "not a");
  }
  Target target;
  for (const Node& node : stack) {
    if (!node.name.empty()) target.path += "/" + node.name;
  }
  target.fd = std::move(stack.back().fd);
  return target;
}

// One component further, into a mount if one was put there, making what is missing.
void MountPoints::descend(std::vector<Node>& stack, const std::string& name, Kind kind) {
  std::string path;
  for (const Node& node : stack) {
    if (!node.name.empty()) path += "/" + node.name;
  }
  const auto mount = mounts_.find(path + "/" + name);
  if (mount != mounts_.end()) {
    stack.push_back({name, base::UniqueFd(::fcntl(mount->second, F_DUPFD_CLOEXEC, 3)), true});
    return;
  }
  base::UniqueFd next = open_entry(stack.back().fd.get(), name);
  if (!next && errno == ENOENT) next = make_stub(stack, name, kind);
  if (!next) throw base::Error::sys("open", path + "/" + name);
  const bool in_mount = stack.back().in_mount;
  stack.push_back({name, std::move(next), in_mount});
}

base::UniqueFd MountPoints::make_stub(const std::vector<Node>& stack, const std::string& name,
                                      Kind kind) {
  const int parent = stack.back().fd.get();
  if (!stack.back().in_mount) note_copy_up(stack);
  const struct stat before = status_of(parent);
  base::UniqueFd made = make_entry(parent, name, kind);
  restore_times(parent, before);
  stubs_.push_back({stack.back().fd.duplicate(), made.duplicate(), name, status_of(made.get())});
  return made;
}

// A directory of a lower tree appears in the upper one when something is made in it.
void MountPoints::note_copy_up(const std::vector<Node>& stack) {
  if (upper_.empty()) return;
  std::string path;
  for (const Node& node : stack) {
    if (node.name.empty()) continue;
    path += (path.empty() ? "" : "/") + node.name;

    struct stat ignored {};

    if (::lstat((upper_ / path).c_str(), &ignored) == 0) continue;
    const bool known = std::any_of(copied_up_.begin(), copied_up_.end(),
                                   [&](const CopiedUp& other) { return other.path == path; });
    if (!known) copied_up_.push_back({path, status_of(node.fd.get())});
  }
}

void MountPoints::remove_stubs() {
  for (; !stubs_.empty(); stubs_.pop_back()) {
    const Stub& stub = stubs_.back();
    const int parent = stub.parent.get();

    struct stat now {
    }, before{};

    if (::fstatat(parent, stub.name.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0) continue;
    const bool ours = now.st_ino == stub.status.st_ino && now.st_dev == stub.status.st_dev &&
                      same_owner_and_mode(now, stub.status);
    const bool directory = S_ISDIR(now.st_mode);
    if (!ours || (!directory && (now.st_size != 0 || now.st_nlink != 1))) continue;
    if (::fstat(parent, &before) != 0) continue;
    // A directory that the step put something into refuses, and stays.
    if (::unlinkat(parent, stub.name.c_str(), directory ? AT_REMOVEDIR : 0) == 0) {
      restore_times(parent, before);
    }
  }
}

void MountPoints::remove_copied_up() {
  if (upper_.empty() || copied_up_.empty()) return;
  const base::RootedDir upper = base::RootedDir::open(upper_);
  for (; !copied_up_.empty(); copied_up_.pop_back()) {
    const CopiedUp& copy = copied_up_.back();
    const auto [parent_path, name] = base::split_path(copy.path);
    const auto parent = upper.find_dir(parent_path, base::Resolve::kInRootNoLinks);

    struct stat now {
    }, before{};

    if (!parent || ::fstatat(parent->fd(), name.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0) continue;
    // The step itself changed the directory, so it belongs into the layer.
    if (!same_owner_and_mode(now, copy.status) || !same_time(now.st_mtim, copy.status.st_mtim) ||
        ::fstat(parent->fd(), &before) != 0) {
      continue;
    }
    if (::unlinkat(parent->fd(), name.c_str(), AT_REMOVEDIR) == 0) {
      restore_times(parent->fd(), before);
    }
  }
}

}  // namespace bld::runtime
