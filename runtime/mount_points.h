// Where mounts go in a root filesystem: targets resolved as the container would, what is missing
// made, and all that was made taken away again.
#pragma once

#include <sys/stat.h>

#include <deque>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace bld::runtime {

// Used by one thread, while nothing else changes the root but the container between the last
// make() and clean_up().
class MountPoints {
 public:
  enum class Kind { kDirectory, kFile };

  // `root` is a detached mount that outlives this. `upper` is the upper directory behind it, or
  // empty: then directories that the file system copies up to take a mount point are left there.
  MountPoints(int root, std::filesystem::path upper);

  struct Target {
    base::UniqueFd fd;  // O_PATH
    std::string path;   // in the container, without links
  };

  // The file or directory to mount on. Throws where a directory is needed and something else is
  // there, or the other way round.
  Target make(std::string_view path, Kind kind);

  // As make(), for the kernel's own file systems: a link in the path is an error.
  Target make_without_links(std::string_view path);

  // The command may have this directory of the root, which is in no layer, copied up: clean_up()
  // removes that unless the command changed it.
  void expect_copy_up(const std::string& name);

  // From now on, targets at or below `target` lie in this mount, which stays open until clean_up().
  void add_mount(const Target& target, int mount);

  // Whether something was made. As long as the container's mounts are there, it is behind them.
  bool has_stubs() const { return !stubs_.empty(); }

  // Removes what was made, unless the container changed it, and gives directories their times
  // back. The container has ended, and if has_stubs() its mounts are gone. `close_root` closes the
  // last descriptors of the mount: what was copied up is removed from the upper directory itself.
  template <typename CloseRoot>
  void clean_up(CloseRoot close_root) {
    remove_stubs();
    close_root();
    remove_copied_up();
  }

 private:
  struct Node {
    std::string name;
    base::UniqueFd fd;
    bool in_mount = false;  // not in the root filesystem itself
  };

  struct Stub {
    base::UniqueFd parent, self;  // both O_PATH
    std::string name;
    struct stat status;  // as made
  };

  struct CopiedUp {
    std::string path;    // relative to the upper directory
    struct stat status;  // before
  };

  Target resolve(std::string_view path, Kind kind, bool follow_links);
  void descend(std::vector<Node>& stack, const std::string& name, Kind kind);
  base::UniqueFd make_stub(const std::vector<Node>& stack, const std::string& name, Kind kind);
  void note_copy_up(const std::vector<Node>& stack);
  void remove_stubs();
  void remove_copied_up();

  int root_;
  std::filesystem::path upper_;
  std::map<std::string, int> mounts_;
  std::vector<Stub> stubs_;
  std::vector<CopiedUp> copied_up_;
};

}  // namespace bld::runtime
