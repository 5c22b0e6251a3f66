// How stacks of trees become file systems: by overlay mounts, or as copies where none can be made.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "base/rooted_dir.h"
#include "builder/tree_bundles.h"
#include "builder/user_trees.h"
#include "runtime/overlay.h"
#include "store/store.h"

namespace bld::builder {

// A file system to look into for as long as this lives.
class RootView {
 public:
  explicit RootView(base::RootedDir root, std::shared_ptr<const void> lease = nullptr)
      : lease_(std::move(lease)), root_(std::move(root)) {}

  const base::RootedDir& root() const { return root_; }

 private:
  std::shared_ptr<const void> lease_;
  base::RootedDir root_;
};

// Any thread.
class Roots {
 public:
  virtual ~Roots() = default;

  // Nobody else sees it, and it is not to be changed. `trees` uppermost first; none are an empty
  // directory. They are not to change either: who looks a second time may see the first look.
  virtual RootView look_into(const std::vector<std::filesystem::path>& trees) = 0;

  // Lets `edit` change the file system. What it changed is in `dirs.upper` afterwards.
  virtual void change(const runtime::OverlayDirs& dirs,
                      const std::function<void(const base::RootedDir&)>& edit) = 0;

  // The directories to mount so that they show what `trees` show; both uppermost first. None
  // changes while this lives.
  virtual std::vector<std::filesystem::path> to_mount(const std::vector<StackedTree>& trees) = 0;

  UserTrees& users() { return users_; }

 private:
  UserTrees users_;
};

class MountedRoots : public Roots {
 public:
  explicit MountedRoots(store::Store& store, runtime::OverlayApi api = runtime::OverlayApi::kBest)
      : store_(store), api_(api), bundles_(store) {}

  RootView look_into(const std::vector<std::filesystem::path>& trees) override;
  void change(const runtime::OverlayDirs& dirs,
              const std::function<void(const base::RootedDir&)>& edit) override;

  std::vector<std::filesystem::path> to_mount(const std::vector<StackedTree>& trees) override {
    return bundles_.bundle(trees);
  }

 private:
  store::Store& store_;
  runtime::OverlayApi api_;
  TreeBundles bundles_;
};

}  // namespace bld::builder
