#include "layers/tree_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/owner_record.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "layers/dir_stack.h"
#include "layers/file_writer.h"

namespace bld::layers {

namespace {

using base::Error;
using Type = FileEntry::Type;

struct Child {
  std::string name;
  unsigned char type;  // DT_*
};

std::vector<Child> children_of(int dir) {
  std::vector<Child> children;
  alignas(struct dirent64) std::array<char, 32 * 1024> buffer;
  for (;;) {
    const ssize_t count = ::getdents64(dir, buffer.data(), buffer.size());
    if (count < 0) throw Error::sys("getdents64", "");
    if (count == 0) break;
    for (ssize_t at = 0; at < count;) {
      const auto* entry = reinterpret_cast<const struct dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      const std::string_view name(entry->d_name);
      if (name == "." || name == "..") continue;
      children.push_back({std::string(name), entry->d_type});
    }
  }
  // Backwards, since they are taken from the end.
  std::sort(children.begin(), children.end(),
            [](const Child& a, const Child& b) { return a.name > b.name; });
  return children;
}

// The names of all xattrs, each ended by a zero byte.
std::string xattr_names(int fd) {
  std::string names(1024, '\0');
  for (;;) {
    const ssize_t length = ::flistxattr(fd, names.data(), names.size());
    if (length >= 0) {
      names.resize(static_cast<std::size_t>(length));
      return names;
    }
    if (errno == ENOTSUP) return "";
    if (errno != ERANGE || names.size() > XATTR_LIST_MAX) throw Error::sys("listxattr", "");
    names.resize(XATTR_LIST_MAX + 1);
  }
}

std::string xattr_value(int fd, const char* name) {
  std::string value(XATTR_SIZE_MAX, '\0');
  const ssize_t length = ::fgetxattr(fd, name, value.data(), value.size());
  if (length < 0) throw Error::sys("getxattr", base::printable(name));
  value.resize(static_cast<std::size_t>(length));
  value.shrink_to_fit();
  return value;
}

// An empty file may stand for a device; `size` is what the entry has so far.
void take_owner(const base::OwnerRecord& record, FileEntry& entry) {
  entry.uid = record.uid;
  entry.gid = record.gid;
  if (record.device_type == 0 || entry.type != Type::kFile || entry.size != 0) return;
  entry.type = S_ISBLK(record.device_type) ? Type::kBlockDevice : Type::kCharDevice;
  entry.dev_major = major(record.device);
  entry.dev_minor = minor(record.device);
}

// Fills in what hangs on an open file or directory beside its inode.
void read_xattrs(int fd, FileEntry& entry) {
  entry.xattrs.clear();
  entry.opaque = false;
  const std::string names = xattr_names(fd);
  for (const char* name = names.data(); name < names.data() + names.size();
       name += std::strlen(name) + 1) {
    const std::string_view text(name);
    if (is_layer_xattr(text)) {
      entry.xattrs.emplace(text, xattr_value(fd, name));
    } else if (entry.type == Type::kDirectory &&
               (text == "user.overlay.opaque" || text == "trusted.overlay.opaque" ||
                text == kOpaqueMark)) {
      entry.opaque = entry.opaque || xattr_value(fd, name) == "y";
    } else if (entry.type == Type::kFile && entry.size == 0 && text == kWhiteoutMark) {
      entry.type = Type::kWhiteout;
    } else if (text == base::kOwnerXattr && base::records_owners()) {
      if (const auto record = base::OwnerRecord::parse(xattr_value(fd, name))) {
        take_owner(*record, entry);
      }
    }
  }
}

void read_status(const struct stat& status, FileEntry& entry) {
  entry.mode = status.st_mode & 07777;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.mtime_sec = status.st_mtim.tv_sec;
  entry.mtime_nsec = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
  entry.size = 0;
  entry.dev_major = entry.dev_minor = 0;
  entry.link.clear();
}

Type device_type(const struct stat& status) {
  if (S_ISBLK(status.st_mode)) return Type::kBlockDevice;
  return status.st_rdev == 0 ? Type::kWhiteout : Type::kCharDevice;
}

}  // namespace

struct TreeWalk::State {
  struct Level {
    std::vector<Child> rest;
    std::size_t path_length;  // of the directory's path
  };

  explicit State(int root) : dirs(root) {}

  const WalkedFile* next() {
    if (!started) {
      started = true;
      enter();
      return &file;
    }
    file_fd.reset();
    while (!levels.empty()) {
      Level& level = levels.back();
      path.resize(level.path_length);
      if (level.rest.empty()) {
        levels.pop_back();
        if (!levels.empty()) dirs.pop();
        continue;
      }
      const Child child = std::move(level.rest.back());
      level.rest.pop_back();
      if (!path.empty()) path += '/';
      path += child.name;
      try {
        if (visit(child)) return &file;
      } catch (Error& error) {
        error.add_context(base::printable(path));
        throw;
      }
    }
    return nullptr;
  }

  // The deepest directory of the stack becomes the current entry.
  void enter() {
    FileEntry& entry = file.entry;
    entry.path = path;
    entry.type = Type::kDirectory;
    read_status(dirs.status(), entry);
    read_xattrs(dirs.top(), entry);
    file.fd = -1;
    file.device = dirs.status().st_dev;
    file.inode = dirs.status().st_ino;
    file.links = 1;
    levels.push_back({children_of(dirs.top()), path.size()});
  }

  bool visit(const Child& child) {
    const int parent = dirs.top();
    file.name = child.name;
    file.parent_fd = parent;
    struct stat status;
    unsigned char type = child.type;
    if (type != DT_DIR && type != DT_REG) {
      if (::fstatat(parent, child.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        throw Error::sys("stat", "");
      }
      type = IFTODT(status.st_mode);
    }
    if (type == DT_SOCK) return false;
    if (type == DT_DIR) {
      dirs.push(child.name);
      enter();
    } else if (type == DT_REG) {
      visit_regular(parent, child.name);
    } else {
      visit_special(parent, child.name, status);
    }
    return true;
  }

  void visit_regular(int parent, const std::string& name) {
    file_fd.reset(
        ::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file_fd) throw Error::sys("open", "");
    struct stat status;
    if (::fstat(file_fd.get(), &status) != 0) throw Error::sys("fstat", "");
    if (!S_ISREG(status.st_mode)) throw Error("changed while it was read");
    common(status, Type::kFile);
    if (file.entry.type == Type::kHardLink) {
      if (base::records_owners()) {
        if (const auto record = base::read_owner_of(file_fd.get())) take_owner(*record, file.entry);
      }
      file_fd.reset();
      return;
    }
    file.entry.size = static_cast<std::uint64_t>(status.st_size);
    file.sparse = status.st_blocks * 512 < status.st_size;
    file.fd = file_fd.get();
    read_xattrs(file.fd, file.entry);
    if (file.entry.type != Type::kFile) {
      file_fd.reset();
      file.fd = -1;
    }
  }

  void visit_special(int parent, const std::string& name, struct stat status) {
    base::amend_at(parent, name, status);
    if (S_ISLNK(status.st_mode)) {
      common(status, Type::kSymlink);
      if (file.entry.type == Type::kSymlink) file.entry.link = link_text(parent, name);
    } else if (S_ISFIFO(status.st_mode)) {
      common(status, Type::kFifo);
    } else {
      common(status, device_type(status));
      if (file.entry.type == Type::kCharDevice || file.entry.type == Type::kBlockDevice) {
        file.entry.dev_major = major(status.st_rdev);
        file.entry.dev_minor = minor(status.st_rdev);
      }
    }
  }

  // What all but directories have, and whether this is a further name of a file seen before.
  // Whiteouts are never links: overlayfs makes all of them names of one inode.
  void common(const struct stat& status, Type type) {
    FileEntry& entry = file.entry;
    entry.path = path;
    entry.type = type;
    entry.opaque = false;
    entry.xattrs.clear();
    read_status(status, entry);
    file.fd = -1;
    file.sparse = false;
    file.device = status.st_dev;
    file.inode = status.st_ino;
    file.links = status.st_nlink;
    if (status.st_nlink < 2 || type == Type::kWhiteout) return;
    const auto [first, is_first] = names.try_emplace({status.st_dev, status.st_ino}, path);
    if (is_first) return;
    entry.type = Type::kHardLink;
    entry.link = first->second;
  }

  DirStack dirs;
  std::vector<Level> levels;
  std::string path;
  bool started = false;
  WalkedFile file;
  base::UniqueFd file_fd;
  std::map<std::pair<dev_t, ino_t>, std::string> names;  // of inodes with several
};

TreeWalk::TreeWalk(const base::RootedDir& tree) : state_(std::make_unique<State>(tree.fd())) {}

TreeWalk::~TreeWalk() = default;

const WalkedFile* TreeWalk::next() { return state_->next(); }

FileEntry root_entry(const base::RootedDir& tree) {
  const DirStack dirs(tree.fd());
  FileEntry entry;
  entry.type = Type::kDirectory;
  read_status(dirs.status(), entry);
  read_xattrs(dirs.top(), entry);
  return entry;
}

void FileContent::find_data() {
  const off_t data = ::lseek(fd_, static_cast<off_t>(offset_), SEEK_DATA);
  if (data < 0) {
    if (errno != ENXIO) throw Error::sys("lseek", "SEEK_DATA");
    data_begin_ = data_end_ = size_;  // only a hole follows
    return;
  }
  const off_t hole = ::lseek(fd_, data, SEEK_HOLE);
  if (hole < 0) throw Error::sys("lseek", "SEEK_HOLE");
  data_begin_ = std::min(size_, static_cast<std::uint64_t>(data));
  data_end_ = std::min(size_, static_cast<std::uint64_t>(hole));
}

FileEntry entry_of(const base::RootedDir& directory, const std::string& name,
                   const struct stat& status) {
  FileEntry entry;
  read_status(status, entry);
  entry.path = name;
  if (S_ISLNK(status.st_mode)) {
    entry.type = Type::kSymlink;
    entry.link = link_text(directory.fd(), name);
  } else if (S_ISFIFO(status.st_mode)) {
    entry.type = Type::kFifo;
  } else if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    entry.type = device_type(status);
  } else {
    entry.size = static_cast<std::uint64_t>(status.st_size);
  }
  return entry;
}

std::string link_text(int directory, const std::string& name) {
  std::array<char, PATH_MAX> target;
  const ssize_t length = ::readlinkat(directory, name.c_str(), target.data(), target.size());
  if (length < 0) throw Error::sys("readlink", base::printable(name));
  return {target.data(), static_cast<std::size_t>(length)};
}

std::map<std::string, std::string> layer_xattrs(int fd) {
  FileEntry entry;
  read_xattrs(fd, entry);
  return std::move(entry.xattrs);
}

std::size_t FileContent::read(std::span<std::byte> buffer) {
  std::uint64_t wanted = std::min<std::uint64_t>(buffer.size(), size_ - offset_);
  if (wanted == 0) return 0;
  if (sparse_) {
    if (offset_ >= data_end_) find_data();
    if (offset_ < data_begin_) {
      wanted = std::min(wanted, data_begin_ - offset_);
      std::memset(buffer.data(), 0, wanted);
      offset_ += wanted;
      return wanted;
    }
    wanted = std::min(wanted, data_end_ - offset_);
  }
  for (;;) {
    const ssize_t count = ::pread(fd_, buffer.data(), wanted, static_cast<off_t>(offset_));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error::sys("read", "");
    offset_ += static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
  }
}

}  // namespace bld::layers
