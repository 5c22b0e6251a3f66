// Stacks of trees mounted by fuse-overlayfs, for a store that lies on an overlay itself.
#pragma once

#include <filesystem>
#include <map>
#include <vector>

#include "base/mutex.h"
#include "builder/roots.h"

namespace bld::builder {

// Trees are in overlay format, or in our marks of it, wherever others read them. Here they are
// spelled as fuse-overlayfs reads them: a lower tree with whiteouts as a copy of its own, which
// shares its files; an upper directory in place, for as long as it is mounted.
class FuseRoots : public MountedRoots {
 public:
  explicit FuseRoots(store::Store& store)
      : MountedRoots(store, runtime::OverlayApi::kFuse), store_(store) {}

  void change(const runtime::OverlayDirs& dirs,
              const std::function<void(const base::RootedDir&)>& edit) override;
  std::vector<std::filesystem::path> to_mount(const std::vector<StackedTree>& trees) override;

  // Before and after `upper` is mounted upon `lower`, which came out of to_mount().
  static void spell_upper(const std::filesystem::path& upper);
  void restore_upper(const std::filesystem::path& upper,
                     const std::vector<std::filesystem::path>& lower);

 private:
  using Path = std::filesystem::path;

  const Path& spelled(const Path& tree) REQUIRES(mutex_);

  store::Store& store_;
  base::Mutex mutex_;  // held while spelling: who waits wants the same
  std::map<Path, Path> spelled_ GUARDED_BY(mutex_);    // itself where nothing is to be spelled
  std::map<Path, Path> originals_ GUARDED_BY(mutex_);  // of copies
};

}  // namespace bld::builder
