// What was done to a plain directory, as a tree in overlay format: a listing from before is
// compared with the directory afterwards. For places where no overlay can be mounted to take the
// changes.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/rooted_dir.h"

namespace bld::layers {

struct ListedFile {
  struct Time {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;

    bool operator==(const Time&) const = default;
  };

  std::string path;                          // "" is the root
  std::uint32_t mode = 0, uid = 0, gid = 0;  // with the type
  std::uint32_t links = 0, dev_major = 0, dev_minor = 0;
  std::uint64_t inode = 0, size = 0;
  Time ctime, mtime, birth;
  std::map<std::string, std::string> xattrs;  // of directories; a file's ctime tells as much
};

// What does not count, with all below it.
struct HiddenFiles {
  std::set<std::string> paths;  // without "/" in front
  std::set<std::uint64_t> inodes;
};

// All below a directory of one file system, in tree order. Sockets are left out.
std::vector<ListedFile> list_files(const base::RootedDir& root, const HiddenFiles& hidden = {});

// Puts what changed in `root` since it was listed into `upper`, upon `lower` (uppermost first);
// what `upper` has already is part of what was listed. A file counts as changed when its inode or
// its ctime differs, so that no change is missed; contents are copied, by reflink where possible.
// False where nothing changed. Nothing is synced.
bool write_changes(std::span<const ListedFile> before, const base::RootedDir& root,
                   const HiddenFiles& hidden, std::span<const base::RootedDir* const> lower,
                   const base::RootedDir& upper);

}  // namespace bld::layers
