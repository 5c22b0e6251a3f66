#include "builder/placed_mounts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "builder/opened_trees.h"
#include "layers/squash.h"

namespace bld::builder {

namespace {

namespace fs = std::filesystem;
using runtime::MountPoints;

base::Error needs_mounts(const std::string& target, const std::string& what,
                         const std::string& remedy) {
  base::Error error("{}: {} needs mounts, which the container around bld refuses",
                    base::printable(target), what);
  error.hint(remedy + ". What is in the way: bld doctor");
  return error;
}

struct stat status_of(int fd) {
  struct stat status = {};
  if (::fstat(fd, &status) != 0) throw base::Error::sys("fstat", "mount source");
  return status;
}

fs::path path_of(int fd) { return fs::read_symlink(fmt::format("/proc/self/fd/{}", fd)); }

void set_owner_and_mode(const fs::path& path, uid_t uid, gid_t gid, mode_t mode) {
  if (::chown(path.c_str(), uid, gid) != 0) throw base::Error::sys("chown", path.string());
  if (::chmod(path.c_str(), mode) != 0) throw base::Error::sys("chmod", path.string());
}

void make_directory(const fs::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), 0700) != 0) throw base::Error::sys("mkdir", path.string());
  set_owner_and_mode(path, 0, 0, mode);
}

void make_device(const fs::path& path, mode_t type, dev_t device, mode_t mode) {
  if (::mknod(path.c_str(), type | 0600, device) != 0) {
    throw base::Error::sys("mknod", "/dev/" + path.filename().string())
        .hint(
            "a container with a user namespace of its own has no devices to make; without mounts "
            "bld needs CAP_MKNOD of the machine");
  }
  set_owner_and_mode(path, 0, 0, mode);
}

void copy_file(int from, const fs::path& to, const struct stat& status) {
  // Through /proc, since the descriptor may be one that only names the file.
  const base::UniqueFd source(
      ::open(fmt::format("/proc/self/fd/{}", from).c_str(), O_RDONLY | O_CLOEXEC));
  if (!source) throw base::Error::sys("open", "mount source");
  const base::UniqueFd copy(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!copy) throw base::Error::sys("create", to.string());
  base::copy_contents(source.get(), copy.get());
  set_owner_and_mode(to, status.st_uid, status.st_gid, status.st_mode & 07777);
}

void copy_directory(const base::RootedDir& from, const fs::path& to) {
  make_directory(to, 0755);
  const base::RootedDir* trees[] = {&from};
  layers::squash(trees, base::RootedDir::open(to), {.keep_whiteouts = false, .hard_links = false});
}

class RestoredTimes {
 public:
  explicit RestoredTimes(int directory) : directory_(directory), status_(status_of(directory)) {}

  ~RestoredTimes() {
    const timespec times[] = {status_.st_atim, status_.st_mtim};
    (void)!::utimensat(directory_, ".", times, 0);
  }

  RestoredTimes(const RestoredTimes&) = delete;
  RestoredTimes& operator=(const RestoredTimes&) = delete;

 private:
  const int directory_;
  const struct stat status_;
};

}  // namespace

PlacedMounts::PlacedMounts(const fs::path& root, const std::vector<runtime::Mount>& mounts,
                           store::Store& store)
    : root_(base::RootedDir::open(root)),
      scratch_(store.make_temp_dir()),
      points_(std::make_unique<MountPoints>(root_.fd(), fs::path())) {
  try {
    place_kernel_directories();
    for (const runtime::Mount& mount : mounts) {
      std::visit([this](const auto& value) { add_mount(value); }, mount);
    }
  } catch (...) {
    remove();
    throw;
  }
}

PlacedMounts::~PlacedMounts() {
  try {
    if (points_) remove();
  } catch (const base::Error&) {
    // Whoever must know calls remove().
  }
}

fs::path PlacedMounts::new_path() { return scratch_ / std::to_string(count_++); }

void PlacedMounts::place_kernel_directories() {
  for (const char* name : {"proc", "sys"}) {
    const fs::path empty = new_path();
    make_directory(empty, 0555);
    place(points_->make_without_links(name), empty);
  }
  const fs::path dev = new_path();
  make_directory(dev, 0755);
  const std::pair<const char*, dev_t> kDevices[] = {
      {"null", makedev(1, 3)},   {"zero", makedev(1, 5)},    {"full", makedev(1, 7)},
      {"random", makedev(1, 8)}, {"urandom", makedev(1, 9)}, {"tty", makedev(5, 0)}};
  for (const auto& [name, device] : kDevices) make_device(dev / name, S_IFCHR, device, 0666);
  make_directory(dev / "shm", 01777);
  place(points_->make_without_links("dev"), dev);
}

// What is there goes out, `what` goes in.
void PlacedMounts::place(const MountPoints::Target& target, const fs::path& what) {
  const auto [parent, name] = base::split_path(target.path);
  Placed placed;
  placed.parent = root_.open_at(parent.empty() ? "." : parent, O_RDONLY | O_DIRECTORY, 0,
                                base::Resolve::kInRootNoLinks);
  placed.name = name;
  placed.aside = new_path();
  const RestoredTimes times(placed.parent.get());
  placed.held.reset(::open(what.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!placed.held) throw base::Error::sys("open", what.string());
  const struct stat status = status_of(placed.held.get());
  placed.inode = status.st_ino;
  if (::renameat(placed.parent.get(), name.c_str(), AT_FDCWD, placed.aside.c_str()) != 0) {
    throw base::Error::sys("rename", target.path);
  }
  const int parent_fd = placed.parent.get();
  placed_.push_back(std::move(placed));
  if (::renameat(AT_FDCWD, what.c_str(), parent_fd, name.c_str()) != 0) {
    const int error_number = errno;
    base::Error error = base::Error::sys("rename", what.string(), error_number);
    if (error_number == EXDEV) error.hint("without mounts, caches must be on the store's disk");
    throw error;
  }
  hidden_.paths.insert(std::string(base::clean_absolute(target.path).substr(1)));
  hidden_.inodes.insert(status.st_ino);
}

void PlacedMounts::add(const std::string& target, Kind kind, const fs::path& what) {
  place(points_->make(target, kind), what);
}

void PlacedMounts::move_in(const runtime::BindMount& mount) {
  const fs::path home = path_of(mount.source_fd);
  add(mount.target, Kind::kDirectory, home);
  placed_.back().directory = mount.source_fd;
  placed_.back().home = home;
}

void PlacedMounts::add_mount(const runtime::BindMount& mount) {
  const struct stat status = status_of(mount.source_fd);
  if (mount.may_be_moved && S_ISDIR(status.st_mode)) return move_in(mount);
  const fs::path copy = new_path();
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    make_device(copy, status.st_mode & S_IFMT, status.st_rdev, status.st_mode & 0777);
  } else if (S_ISSOCK(status.st_mode)) {
    const std::string source = fmt::format("/proc/self/fd/{}", mount.source_fd);
    if (::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, copy.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      throw needs_mounts(mount.target, "a socket of another file system",
                         "have it on the store's disk");
    }
  } else if (!mount.read_only) {
    throw needs_mounts(mount.target, "a writable directory or file of this machine",
                       "read-only ones (:ro) are copied, and so are those with :O");
  } else if (S_ISDIR(status.st_mode)) {
    copy_directory(base::RootedDir::open(path_of(mount.source_fd)), copy);
  } else {
    copy_file(mount.source_fd, copy, status);
  }
  add(mount.target, S_ISDIR(status.st_mode) ? Kind::kDirectory : Kind::kFile, copy);
}

void PlacedMounts::add_mount(const runtime::TmpfsMount& mount) {
  if (mount.size_bytes != 0) {
    throw needs_mounts(mount.target, "a tmpfs with a size",
                       "without one it is an empty directory that is thrown away");
  }
  const fs::path empty = new_path();
  make_directory(empty, mount.mode);
  set_owner_and_mode(empty, mount.uid, mount.gid, mount.mode);
  add(mount.target, Kind::kDirectory, empty);
}

void PlacedMounts::add_mount(const runtime::FileMount& mount) try {
  struct statfs status = {};
  const bool in_memory = ::fstatfs(root_.fd(), &status) == 0 && status.f_type == TMPFS_MAGIC;
  if (mount.is_secret && !in_memory) {
    throw needs_mounts(mount.target, "a secret as a file",
                       "use it as a variable (env=NAME instead of target=), or have the store in "
                       "memory (--root on a tmpfs): no secret is written to a disk");
  }
  const fs::path file = new_path();
  const base::UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) throw base::Error::sys("create", file.string());
  base::write_all(fd.get(), base::as_bytes(mount.contents));
  set_owner_and_mode(file, mount.uid, mount.gid, mount.mode);
  add(mount.target, Kind::kFile, file);

} catch (const base::Error&) {
  if (!mount.is_optional) throw;
}

// Whoever writes to it writes to the copy, which nobody keeps.
void PlacedMounts::add_mount(const runtime::OverlayView& mount) {
  const fs::path whole = new_path();
  make_directory(whole, 0755);
  const base::RootedDir merged = base::RootedDir::open(whole);
  layers::squash(OpenedTrees(mount.lower).stack(), merged,
                 {.keep_whiteouts = false, .hard_links = false});
  fs::path part = whole;
  Kind kind = Kind::kDirectory;
  if (!base::path_components(mount.subpath).empty()) {
    const base::UniqueFd found = merged.open_at(mount.subpath, O_PATH);
    if (!S_ISDIR(status_of(found.get()).st_mode)) kind = Kind::kFile;
    part = path_of(found.get());
  }
  add(mount.target, kind, part);
}

bool PlacedMounts::take_away(Placed& placed) const {
  const int parent = placed.parent.get();
  struct stat now = {};
  const bool is_there = ::fstatat(parent, placed.name.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0;
  const bool is_ours = is_there && now.st_ino == placed.inode;
  const RestoredTimes times(parent);
  if (placed.directory >= 0) {
    // Wherever the command put it.
    const fs::path from = path_of(placed.directory);
    if (from != placed.home && ::rename(from.c_str(), placed.home.c_str()) != 0) {
      throw base::Error::sys("rename", from.string());
    }
  }
  base::RootedDir(base::UniqueFd(::fcntl(parent, F_DUPFD_CLOEXEC, 3))).remove_tree(placed.name);
  struct stat before = {};
  if (::lstat(placed.aside.c_str(), &before) != 0) return false;
  const bool is_back = ::renameat(AT_FDCWD, placed.aside.c_str(), parent, placed.name.c_str()) == 0;
  return is_ours && is_back;
}

bool PlacedMounts::remove() {
  const std::unique_ptr<MountPoints> points = std::move(points_);
  bool is_clean = true;
  for (; !placed_.empty(); placed_.pop_back()) {
    if (!take_away(placed_.back())) is_clean = false;
  }
  points->clean_up([] {});
  base::RootedDir::open(scratch_.parent_path()).remove_tree(scratch_.filename());
  return is_clean;
}

}  // namespace bld::builder
