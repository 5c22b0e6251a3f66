// A directory below which every path resolves: the only way to open what an image, an archive or a
// build context names.
//
// The kernel resolves (openat2), so a link or a concurrent rename cannot lead out. Two manners:
// - in root: like chroot. An absolute path or link and a ".." at the top stay inside. What a
//   container would see.
// - beneath: a path or link that would leave is an error. Archives.
// Magic links are never followed. Paths are relative to this directory whether or not they begin
// with '/'. Values are safe to use from several threads; nothing here is buffered.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace bld::base {

enum class Resolve {
  kInRoot,         // links are followed inside this root
  kInRootNoLinks,  // as kInRoot, and no component at all may be a symbolic link (ELOOP)
  kBeneath,        // links are followed, but leaving is an error (EXDEV)
};

class RootedDir {
 public:
  // Opens a path that we ourselves or the command line chose.
  static RootedDir open(const std::filesystem::path& trusted_path);

  explicit RootedDir(UniqueFd directory) : fd_(std::move(directory)) {}

  int fd() const { return fd_.get(); }

  RootedDir duplicate() const { return RootedDir(fd_.duplicate()); }

  // `flags` as for open(2); O_CLOEXEC is added, and O_NOFOLLOW is the caller's choice.
  UniqueFd open_at(std::string_view path, int flags, mode_t mode = 0,
                   Resolve resolve = Resolve::kInRoot) const;
  // Nothing where the path does not exist (ENOENT, ENOTDIR); other failures throw.
  std::optional<UniqueFd> find(std::string_view path, int flags,
                               Resolve resolve = Resolve::kInRoot) const;

  RootedDir open_dir(std::string_view path, Resolve resolve = Resolve::kInRoot) const;
  std::optional<RootedDir> find_dir(std::string_view path,
                                    Resolve resolve = Resolve::kInRoot) const;

  // A regular file, opened for reading without blocking on anything else; anything else is an
  // error.
  UniqueFd open_regular(std::string_view path, Resolve resolve = Resolve::kInRoot) const;

  // Of the last component itself, and of what it leads to.
  std::optional<struct stat> lstat(std::string_view path) const;
  std::optional<struct stat> stat(std::string_view path) const;

  // The directory and all above it; those that are missing are made with `mode` (exactly, whatever
  // the umask). Links on the way are followed inside the root. Something else in the way is an
  // error.
  RootedDir make_dirs(std::string_view path, mode_t mode = 0755) const;

  // Names directly in this directory, sorted by byte order, without "." and "..".
  std::vector<std::string> names() const;

  // What the link `name` in this directory (one component) says.
  std::string read_link(const std::string& name) const;

  // Removes `name` (one component) with everything below it. Follows no link, crosses no mount
  // point's name twice; missing is fine. Directories without permission bits are opened up first.
  void remove_tree(const std::string& name) const;

 private:
  UniqueFd fd_;
};

// The components of `path` without empty ones and "."; ".." is kept.
std::vector<std::string_view> path_components(std::string_view path);

// `path` as an absolute, clean path: "." and ".." are worked out as text, as Go's path.Clean does
// with "/" in front. Not for opening: for names in configs and archives.
std::string clean_absolute(std::string_view path);

struct ParentAndName {
  std::string parent;  // "" for the root
  std::string name;    // "" for the root itself
};

// Splits off the last component ("a/b/" is parent "a", name "b").
ParentAndName split_path(std::string_view path);

}  // namespace bld::base
