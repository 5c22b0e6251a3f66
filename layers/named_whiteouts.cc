#include "layers/named_whiteouts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "layers/dir_stack.h"
#include "layers/file_writer.h"
#include "layers/merged_copy.h"
#include "layers/tree_walk.h"
#include "layers/whiteout.h"

namespace bld::layers {

namespace {

using base::Error;
using Type = FileEntry::Type;

// fuse-overlayfs makes a device of this name besides, where it can.
constexpr std::string_view kOpaqueDevice = ".wh..opq";

struct Whiteouts {
  std::vector<std::string> hidden;  // paths
  std::vector<std::string> opaque;  // paths of directories
};

Whiteouts whiteouts_of(const base::RootedDir& tree) {
  Whiteouts found;
  TreeWalk walk(tree);
  while (const WalkedFile* file = walk.next()) {
    const FileEntry& entry = file->entry;
    if (entry.type == Type::kWhiteout && file->name != kOpaqueDevice) {
      found.hidden.push_back(entry.path);
    }
    if (entry.opaque) found.opaque.push_back(entry.path);
  }
  return found;
}

Whiteouts named_whiteouts_of(const base::RootedDir& tree) {
  Whiteouts found;
  TreeWalk walk(tree);
  while (const WalkedFile* file = walk.next()) {
    if (file->name == kOpaqueDevice) continue;
    const WhiteoutName name = parse_whiteout(file->entry.path);
    if (name.kind == WhiteoutName::Kind::kWhiteout) found.hidden.push_back(name.path);
    if (name.kind == WhiteoutName::Kind::kOpaque) found.opaque.push_back(name.path);
  }
  return found;
}

// A directory in which names come and go. In the end it has the times that it had.
class Edited {
 public:
  Edited(const base::RootedDir& tree, const std::string& path)
      : fd_(open_beneath(tree.fd(), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (!fd_ || ::fstat(fd_.get(), &before_) != 0) throw Error::sys("open", base::printable(path));
  }

  ~Edited() {
    const struct timespec times[] = {before_.st_atim, before_.st_mtim};
    ::futimens(fd_.get(), times);
  }

  Edited(const Edited&) = delete;
  Edited& operator=(const Edited&) = delete;

  int fd() const { return fd_.get(); }

  void remove(const std::string& name) const {
    if (::unlinkat(fd(), name.c_str(), 0) != 0 && errno != ENOENT) {
      throw Error::sys("unlink", base::printable(name));
    }
  }

  void make_empty(const std::string& name) const {
    const base::UniqueFd made(
        ::openat(fd(), name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0));
    if (!made) throw Error::sys("create", base::printable(name));
  }

 private:
  base::UniqueFd fd_;
  struct stat before_ = {};
};

// Its attributes of fuse-overlayfs are not ours to keep.
void clear_attributes(int directory) {
  make_not_opaque(directory);
  ::fremovexattr(directory, "user.fuseoverlayfs.opaque");
}

std::string last_name(const std::string& path) { return base::split_path(path).name; }

}  // namespace

bool has_whiteouts(const base::RootedDir& tree) {
  const Whiteouts found = whiteouts_of(tree);
  return !found.hidden.empty() || !found.opaque.empty();
}

void name_whiteouts(const base::RootedDir& tree) {
  const Whiteouts found = whiteouts_of(tree);
  for (const std::string& path : found.hidden) {
    const Edited parent(tree, base::split_path(path).parent);
    parent.make_empty(last_name(whiteout_path(path)));
    parent.remove(last_name(path));
  }
  for (const std::string& path : found.opaque) {
    const Edited directory(tree, path);
    directory.make_empty(last_name(opaque_path(path)));
    clear_attributes(directory.fd());
  }
}

void unname_whiteouts(const base::RootedDir& tree, std::span<const base::RootedDir* const> lower) {
  const Whiteouts found = named_whiteouts_of(tree);
  for (const std::string& path : found.hidden) {
    const Edited parent(tree, base::split_path(path).parent);
    FileEntry whiteout;
    whiteout.type = Type::kWhiteout;
    create_special(parent.fd(), last_name(path), whiteout);
    parent.remove(last_name(whiteout_path(path)));
  }
  for (const std::string& path : found.opaque) {
    const Edited directory(tree, path);
    clear_attributes(directory.fd());
    if (shows(lower, path)) make_opaque(directory.fd());
    directory.remove(last_name(opaque_path(path)));
    directory.remove(std::string(kOpaqueDevice));
  }
}

}  // namespace bld::layers
