#include "layers/tree_writer.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/owner_record.h"
#include "base/text.h"
#include "layers/file_writer.h"

namespace bld::layers {

namespace {

using base::Error;
using Type = FileEntry::Type;

constexpr std::size_t kCopyBytes = 256 * 1024;
constexpr std::size_t kHoleBytes = 64 * 1024;
constexpr std::uint64_t kSpaceStep = 64 << 20;

bool all_zero(std::span<const std::byte> bytes) {
  return bytes[0] == std::byte{0} &&
         std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

void write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error::sys("write", "");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

}  // namespace

TreeWriter::TreeWriter(const base::RootedDir& root, TreeWriterOptions options)
    : options_(std::move(options)), dirs_(root.fd()), root_(root.fd()), buffer_(kCopyBytes) {
  const struct stat& status = dirs_.status();
  levels_.push_back(
      {"", status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)});
}

bool TreeWriter::add(const FileEntry& entry, base::ByteSource* content) {
  try {
    if (entry.path.empty()) {
      add_root(entry);
      return true;
    }
    const auto [parent, name] = base::split_path(entry.path);
    switch (entry.type) {
      case Type::kCharDevice:
      case Type::kBlockDevice:
        if (!options_.keep_devices || !base::records_owners()) return false;
        go_to(parent);
        add_file(name, entry, nullptr);
        break;
      case Type::kDirectory:
        go_to(parent);
        add_directory(name, entry);
        break;
      case Type::kFile:
        go_to(parent);
        add_file(name, entry, content);
        break;
      case Type::kHardLink:
        go_to(parent);
        add_hard_link(name, entry);
        break;
      case Type::kWhiteout:
        go_to(parent);
        add_whiteout(name, entry);
        break;
      case Type::kSymlink:
      case Type::kFifo:
        go_to(parent);
        if (!create_special(dirs_.top(), name, entry)) {
          remove_name(dirs_.top(), name);
          if (!create_special(dirs_.top(), name, entry)) throw Error("cannot be replaced");
        }
        break;
    }
  } catch (Error& error) {
    error.add_context(base::printable(entry.path));
    throw;
  }
  return true;
}

void TreeWriter::set_opaque(const std::string& directory) {
  try {
    go_to(directory);
    make_opaque(dirs_.top());
  } catch (Error& error) {
    error.add_context(base::printable(directory));
    throw;
  }
}

void TreeWriter::finish() {
  go_to("");
  set_times(dirs_.top(), levels_[0].mtime_sec, levels_[0].mtime_nsec);
}

// Up to what the current and the wanted directory have in common, then down.
int TreeWriter::go_to(const std::string& directory) {
  const std::vector<std::string_view> wanted = base::path_components(directory);
  std::size_t common = 0;
  while (common < wanted.size() && common + 1 < levels_.size() &&
         levels_[common + 1].name == wanted[common]) {
    ++common;
  }
  while (levels_.size() > common + 1) leave();
  for (; common < wanted.size(); ++common) {
    const auto end = wanted[common].data() + wanted[common].size() - directory.data();
    enter(std::string(wanted[common]), directory.substr(0, static_cast<std::size_t>(end)));
  }
  return dirs_.top();
}

void TreeWriter::leave() {
  set_times(dirs_.top(), levels_.back().mtime_sec, levels_.back().mtime_nsec);
  dirs_.pop();
  levels_.pop_back();
}

void TreeWriter::enter(const std::string& name, const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  base::UniqueFd fd(::openat(dirs_.top(), name.c_str(), kFlags));
  if (!fd && errno == ENOENT) {
    make_implied(name, path);
    fd.reset(::openat(dirs_.top(), name.c_str(), kFlags));
  } else if (!fd && errno == ENOTDIR) {
    struct stat status;
    if (stat_name(dirs_.top(), name, status) && is_whiteout(dirs_.top(), name, status)) {
      // The layer hides the old directory of this name and brings a new one.
      remove_name(dirs_.top(), name);
      make_implied(name, path);
      fd.reset(::openat(dirs_.top(), name.c_str(), kFlags));
      if (fd) make_opaque(fd.get());
    } else {
      throw Error("{}: not a directory, but something is to be put below it",
                  base::printable(path));
    }
  }
  if (!fd) throw Error::sys("open", base::printable(path));
  dirs_.push(std::move(fd));
  const struct stat& status = dirs_.status();
  levels_.push_back(
      {name, status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)});
}

void TreeWriter::make_implied(const std::string& name, const std::string& path) {
  ++implied_;
  FileEntry look;
  look.mode = 0755;
  if (options_.implied_directory) {
    if (const auto known = options_.implied_directory(path)) look = *known;
  }
  if (::mkdirat(dirs_.top(), name.c_str(), 0700) != 0) throw Error::sys("mkdir", "");
  const base::UniqueFd fd(
      ::openat(dirs_.top(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) throw Error::sys("open", base::printable(path));
  set_metadata(fd.get(), look);
}

void TreeWriter::add_root(const FileEntry& entry) {
  if (entry.type != Type::kDirectory) throw Error("the root of a layer is not a directory");
  go_to("");
  set_metadata(dirs_.top(), entry);
  levels_[0].mtime_sec = entry.mtime_sec;
  levels_[0].mtime_nsec = entry.mtime_nsec;
}

void TreeWriter::add_directory(const std::string& name, const FileEntry& entry) {
  bool hides = entry.opaque;
  if (::mkdirat(dirs_.top(), name.c_str(), 0700) != 0) {
    if (errno != EEXIST) throw Error::sys("mkdir", "");
    struct stat status;
    if (stat_name(dirs_.top(), name, status) && !S_ISDIR(status.st_mode)) {
      hides = hides || is_whiteout(dirs_.top(), name, status);
      remove_name(dirs_.top(), name);
      if (::mkdirat(dirs_.top(), name.c_str(), 0700) != 0) throw Error::sys("mkdir", "");
    }
  }
  dirs_.push(name);
  levels_.push_back({name, entry.mtime_sec, entry.mtime_nsec});
  set_metadata(dirs_.top(), dirs_.status(), entry);
  if (hides) make_opaque(dirs_.top());
}

void TreeWriter::add_file(const std::string& name, const FileEntry& entry,
                          base::ByteSource* content) {
  base::UniqueFd fd = create_file(dirs_.top(), name, entry);
  if (!fd && errno == EEXIST) {
    remove_name(dirs_.top(), name);
    fd = create_file(dirs_.top(), name, entry);
  }
  if (!fd) throw Error::sys("create", "");
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) throw Error::sys("fstat", "");
  if (entry.size > 0 && content != nullptr) write_content(fd.get(), entry, *content);
  set_metadata(fd.get(), status, entry);
}

void TreeWriter::add_hard_link(const std::string& name, const FileEntry& entry) {
  const auto [target_parent, target_name] = base::split_path(entry.link);
  const base::UniqueFd target_dir(open_beneath(root_, target_parent, O_PATH | O_DIRECTORY));
  struct stat target;
  if (!target_dir || !stat_name(target_dir.get(), target_name, target) ||
      is_whiteout(target_dir.get(), target_name, target)) {
    throw Error("a hard link to {}, which is not in the layer", base::printable(entry.link));
  }
  if (S_ISDIR(target.st_mode)) throw Error("a hard link to a directory");
  struct stat old;
  if (stat_name(dirs_.top(), name, old)) {
    if (old.st_ino == target.st_ino && old.st_dev == target.st_dev) return;
    if (S_ISDIR(old.st_mode) && entry.link.starts_with(entry.path + "/")) {
      throw Error("a hard link in place of the directory that its target is in");
    }
    remove_name(dirs_.top(), name);
  }
  if (::linkat(target_dir.get(), target_name.c_str(), dirs_.top(), name.c_str(), 0) != 0) {
    throw Error::sys("link", base::printable(entry.link));
  }
}

void TreeWriter::add_whiteout(const std::string& name, const FileEntry& entry) {
  if (create_special(dirs_.top(), name, entry)) return;
  // What this layer itself has there stays; it hides what is below already, if it is no directory.
  struct stat status;
  if (!stat_name(dirs_.top(), name, status) || !S_ISDIR(status.st_mode)) return;
  const base::UniqueFd fd(
      ::openat(dirs_.top(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) throw Error::sys("open", "");
  make_opaque(fd.get());
}

// Long runs of zeros become holes.
void TreeWriter::write_content(int fd, const FileEntry& entry, base::ByteSource& content) {
  need_space(entry.size);
  bool ends_in_hole = false;
  for (std::uint64_t offset = 0; offset < entry.size;) {
    const auto room = std::min<std::uint64_t>(entry.size - offset, buffer_.size());
    std::size_t used = 0;
    while (used < room) {
      const std::size_t count = content.read(std::span(buffer_).subspan(used, room - used));
      if (count == 0) throw Error("the contents end too early");
      used += count;
    }
    const auto bytes = std::span<const std::byte>(buffer_).first(used);
    ends_in_hole = used >= kHoleBytes && all_zero(bytes);
    if (!ends_in_hole) write_at(fd, bytes, offset);
    offset += used;
  }
  if (ends_in_hole && ::ftruncate(fd, static_cast<off_t>(entry.size)) != 0) {
    throw Error::sys("ftruncate", "");
  }
}

// Asks the file system only now and then.
void TreeWriter::need_space(std::uint64_t bytes) {
  if (bytes > known_free_) {
    struct statvfs status;
    if (::fstatvfs(root_, &status) != 0) throw Error::sys("statvfs", "");
    const std::uint64_t free = std::uint64_t{status.f_bavail} * status.f_frsize;
    if (free < options_.reserve_bytes || free - options_.reserve_bytes < bytes) {
      throw Error("not enough room: {} bytes are free, {} are needed and {} must stay free", free,
                  bytes, options_.reserve_bytes);
    }
    known_free_ = std::max(bytes, std::min(free - options_.reserve_bytes, kSpaceStep));
  }
  known_free_ -= bytes;
}

}  // namespace bld::layers
