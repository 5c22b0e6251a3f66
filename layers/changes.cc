#include "layers/changes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "layers/dir_stack.h"
#include "layers/file_writer.h"
#include "layers/merged_copy.h"
#include "layers/tree_walk.h"
#include "layers/tree_writer.h"

namespace bld::layers {

namespace {

using base::Error;
using Type = FileEntry::Type;

ListedFile::Time time_of(const struct statx_timestamp& time) { return {time.tv_sec, time.tv_nsec}; }

ListedFile list_one(int directory, const char* name, int flags) {
  struct statx status;
  if (::statx(directory, name, flags | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME,
              &status) != 0) {
    throw Error::sys("statx", base::printable(name));
  }
  ListedFile file;
  file.mode = status.stx_mode;
  file.uid = status.stx_uid;
  file.gid = status.stx_gid;
  file.links = status.stx_nlink;
  file.dev_major = status.stx_rdev_major;
  file.dev_minor = status.stx_rdev_minor;
  file.inode = status.stx_ino;
  file.size = status.stx_size;
  file.ctime = time_of(status.stx_ctime);
  file.mtime = time_of(status.stx_mtime);
  file.birth = time_of(status.stx_btime);
  return file;
}

class Lister {
 public:
  Lister(const base::RootedDir& root, const HiddenFiles& hidden)
      : hidden_(hidden), dirs_(root.fd()) {}

  std::vector<ListedFile> list() {
    enter(list_one(dirs_.top(), "", AT_EMPTY_PATH));
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.rest.empty()) {
        levels_.pop_back();
        if (!levels_.empty()) dirs_.pop();
        continue;
      }
      const std::string name = std::move(level.rest.back());
      level.rest.pop_back();
      visit(level.path.empty() ? name : level.path + "/" + name, name);
    }
    return std::move(files_);
  }

 private:
  struct Level {
    std::string path;
    std::vector<std::string> rest;  // backwards, since they are taken from the end
  };

  void visit(std::string path, const std::string& name) {
    if (hidden_.paths.contains(path)) return;
    ListedFile file = list_one(dirs_.top(), name.c_str(), 0);
    if (S_ISSOCK(file.mode) || hidden_.inodes.contains(file.inode)) return;
    file.path = std::move(path);
    if (S_ISDIR(file.mode)) {
      dirs_.push(name);
      enter(std::move(file));
    } else {
      files_.push_back(std::move(file));
    }
  }

  // The deepest directory of the stack.
  void enter(ListedFile directory) {
    directory.xattrs = layer_xattrs(dirs_.top());
    std::vector<std::string> names =
        base::RootedDir(base::UniqueFd(::fcntl(dirs_.top(), F_DUPFD_CLOEXEC, 3))).names();
    std::reverse(names.begin(), names.end());
    levels_.push_back({directory.path, std::move(names)});
    files_.push_back(std::move(directory));
  }

  const HiddenFiles& hidden_;
  DirStack dirs_;
  std::vector<Level> levels_;
  std::vector<ListedFile> files_;
};

bool same_look(const ListedFile& a, const ListedFile& b) {
  return a.mode == b.mode && a.uid == b.uid && a.gid == b.gid && a.mtime == b.mtime &&
         a.xattrs == b.xattrs;
}

FileEntry entry_of(const ListedFile& file) {
  FileEntry entry;
  entry.path = file.path;
  entry.mode = file.mode & 07777;
  entry.uid = file.uid;
  entry.gid = file.gid;
  entry.mtime_sec = file.mtime.seconds;
  entry.mtime_nsec = file.mtime.nanoseconds;
  return entry;
}

class ChangeWriter {
 public:
  ChangeWriter(const base::RootedDir& root, std::span<const base::RootedDir* const> lower,
               const base::RootedDir& upper)
      : root_(root), lower_(lower), upper_(upper, {0, nullptr}) {}

  void added(const ListedFile& file) {
    note(file);
    if (S_ISDIR(file.mode)) {
      ensure(file.path);
    } else {
      put(file);
    }
  }

  void removed(const ListedFile& file) {
    if (is_below_replaced(file)) return;
    if (S_ISDIR(file.mode)) replaced_ = file.path + "/";
    clear(file.path);
    if (!shows(lower_, file.path)) return;
    FileEntry whiteout;
    whiteout.path = file.path;
    whiteout.type = Type::kWhiteout;
    upper_.add(whiteout, nullptr);
  }

  void kept(const ListedFile& before, const ListedFile& now) {
    if (is_below_replaced(now)) return added(now);
    if (!S_ISDIR(before.mode)) {
      const bool is_same = before.inode == now.inode && before.ctime == now.ctime &&
                           before.mode == now.mode && before.size == now.size &&
                           before.mtime == now.mtime;
      if (!is_same) added(now);
      return;
    }
    if (!S_ISDIR(now.mode)) {
      replaced_ = now.path + "/";
      return added(now);
    }
    note(now);
    if (before.inode != now.inode || before.birth != now.birth) return replace_directory(now);
    if (!same_look(before, now)) ensure(now.path);
  }

  bool finish() {
    if (anything_) upper_.finish();
    return anything_;
  }

 private:
  bool is_below_replaced(const ListedFile& file) const {
    return !replaced_.empty() && file.path.starts_with(replaced_);
  }

  void note(const ListedFile& file) {
    if (S_ISDIR(file.mode)) directories_[file.path] = &file;
  }

  // The directory in the upper tree, with those above it, as they are now.
  void ensure(const std::string& path) {
    anything_ = true;
    std::vector<std::string> missing;
    for (std::string at = path; ensured_.insert(at).second; at = base::split_path(at).parent) {
      missing.push_back(at);
      if (at.empty()) break;
    }
    for (auto at = missing.rbegin(); at != missing.rend(); ++at) {
      const ListedFile& directory = *directories_.at(*at);
      FileEntry entry = entry_of(directory);
      entry.type = Type::kDirectory;
      entry.xattrs = directory.xattrs;
      upper_.add(entry, nullptr);
    }
  }

  // Its parent in the upper tree, where the name is free now.
  int clear(const std::string& path) {
    const auto [parent, name] = base::split_path(path);
    ensure(parent);
    const int directory = upper_.go_to(parent);
    remove_name(directory, name);
    return directory;
  }

  void replace_directory(const ListedFile& now) {
    replaced_ = now.path + "/";
    clear(now.path);
    ensure(now.path);
    if (shows(lower_, now.path)) upper_.set_opaque(now.path);
  }

  void put(const ListedFile& file) try {
    FileEntry entry = entry_of(file);
    if (file.links > 1) {
      const auto [first, is_first] = written_.try_emplace(file.inode, file.path);
      if (!is_first) {
        clear(file.path);
        entry.type = Type::kHardLink;
        entry.link = first->second;
        upper_.add(entry, nullptr);
        return;
      }
    }
    const auto [parent_path, name] = base::split_path(file.path);
    const int to = clear(file.path);
    const base::UniqueFd from(open_beneath(root_.fd(), parent_path, O_PATH | O_DIRECTORY));
    if (!from) throw Error::sys("open", base::printable(parent_path));
    if (S_ISREG(file.mode)) {
      copy_file(from.get(), name, to, entry);
    } else if (S_ISCHR(file.mode) || S_ISBLK(file.mode)) {
      make_device(file, to, name, entry);
    } else {
      entry.type = S_ISLNK(file.mode) ? Type::kSymlink : Type::kFifo;
      if (S_ISLNK(file.mode)) entry.link = link_text(from.get(), name);
      upper_.add(entry, nullptr);
    }

  } catch (Error& error) {
    error.add_context(base::printable(file.path));
    throw;
  }

  static void copy_file(int from_dir, const std::string& name, int to_dir, FileEntry& entry) {
    const base::UniqueFd from(
        ::openat(from_dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!from) throw Error::sys("open", "");
    entry.xattrs = layer_xattrs(from.get());
    const base::UniqueFd to = create_file(to_dir, name, entry);
    if (!to) throw Error::sys("create", "");
    base::copy_contents(from.get(), to.get());
    set_metadata(to.get(), entry);
  }

  // The command made it, so may we. A device 0/0 would be a whiteout.
  static void make_device(const ListedFile& file, int to, const std::string& name,
                          const FileEntry& entry) {
    const dev_t device = makedev(file.dev_major, file.dev_minor);
    if (device == 0) return;
    if (::mknodat(to, name.c_str(), file.mode, device) != 0) throw Error::sys("mknod", "");
    const struct timespec time = {entry.mtime_sec, static_cast<long>(entry.mtime_nsec)};
    const struct timespec times[] = {time, time};
    if (::fchownat(to, name.c_str(), file.uid, file.gid, AT_SYMLINK_NOFOLLOW) != 0 ||
        ::fchmodat(to, name.c_str(), entry.mode, 0) != 0 ||
        ::utimensat(to, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
      throw Error::sys("chown", "");
    }
  }

  const base::RootedDir& root_;
  std::span<const base::RootedDir* const> lower_;
  TreeWriter upper_;
  bool anything_ = false;
  std::string replaced_;  // what is below it was listed of a directory that is gone
  std::map<std::string, const ListedFile*> directories_;  // as they are now
  std::set<std::string> ensured_;
  std::map<std::uint64_t, std::string> written_;  // inodes with several names
};

}  // namespace

std::vector<ListedFile> list_files(const base::RootedDir& root, const HiddenFiles& hidden) {
  return Lister(root, hidden).list();
}

bool write_changes(std::span<const ListedFile> before, const base::RootedDir& root,
                   const HiddenFiles& hidden, std::span<const base::RootedDir* const> lower,
                   const base::RootedDir& upper) {
  const std::vector<ListedFile> after = list_files(root, hidden);
  ChangeWriter changes(root, lower, upper);
  auto old = before.begin();
  auto now = after.begin();
  while (old != before.end() || now != after.end()) {
    const auto order = old == before.end()  ? std::strong_ordering::greater
                       : now == after.end() ? std::strong_ordering::less
                                            : compare_paths(old->path, now->path);
    if (order < 0) {
      changes.removed(*old++);
    } else if (order > 0) {
      changes.added(*now++);
    } else {
      changes.kept(*old++, *now++);
    }
  }
  return changes.finish();
}

}  // namespace bld::layers
