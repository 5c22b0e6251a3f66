// Open directories on the way from a root down to where the work is. Only the deepest few are kept
// open, so that any depth works with few descriptors; one that was closed is opened again as the
// ".." of its child, and must be the directory that it was.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace bld::layers {

class DirStack {
 public:
  // `root` is duplicated.
  explicit DirStack(int root);

  // Opens `name` (one component, no link) in the deepest directory and goes there.
  void push(const std::string& name);
  // The same with a directory that was opened already.
  void push(base::UniqueFd directory);
  void pop();

  int top() const { return levels_.back().fd.get(); }

  const struct stat& status() const { return levels_.back().status; }  // as it was when pushed

  std::size_t depth() const { return levels_.size() - 1; }  // 0: at the root

 private:
  struct Level {
    base::UniqueFd fd;
    struct stat status;
  };

  std::vector<Level> levels_;
};

// Opens `path` (clean, relative, "" for the root itself) below `root`; no component may be a link.
// Any length of path works. -1 with errno on failure.
int open_beneath(int root, const std::string& path, int flags);

}  // namespace bld::layers
