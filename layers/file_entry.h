// One file of a layer, as data: what a tar header or an inode says, without the contents.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace bld::layers {

struct FileEntry {
  enum class Type {
    kFile,
    kDirectory,
    kSymlink,
    kHardLink,  // a second name of a file whose path comes earlier
    kFifo,
    kCharDevice,
    kBlockDevice,
    kWhiteout,  // hides `path` of the layers below; only the path counts
  };

  std::string path;  // relative, any bytes, without "." and ".." components; "" is the root
  Type type = Type::kFile;
  std::uint32_t mode = 0;  // permissions with set-id and sticky bits, 07777
  std::uint32_t uid = 0, gid = 0;
  std::int64_t mtime_sec = 0;
  std::uint32_t mtime_nsec = 0;  // lost in a tar
  std::uint64_t size = 0;        // bytes of content; 0 unless a file
  std::string link;              // a symlink's text, or the path that a hard link is a name of
  std::uint32_t dev_major = 0, dev_minor = 0;
  bool opaque = false;  // a directory that hides what is below it in lower layers
  std::map<std::string, std::string> xattrs;

  bool operator==(const FileEntry&) const = default;
};

// The order of entries in a layer: by components, each by bytes, so that a directory comes right
// before what is in it, and the order is that of a walk through sorted directories.
std::strong_ordering compare_paths(std::string_view a, std::string_view b);

inline bool tree_order(const FileEntry& a, const FileEntry& b) {
  return compare_paths(a.path, b.path) < 0;
}

// Whether an extended attribute belongs to a layer: user.* without what trees are marked with
// (user.overlay.*, user.fuseoverlayfs.*, user.bld.*), and security.capability. All others neither enter a layer
// nor leave one.
bool is_layer_xattr(std::string_view name);

}  // namespace bld::layers
