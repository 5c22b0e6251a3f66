#include "builder/roots.h"

namespace bld::builder {

namespace fs = std::filesystem;

RootView MountedRoots::look_into(const std::vector<fs::path>& trees) {
  if (trees.empty()) return RootView(base::RootedDir::open(store_.make_temp_dir()));
  return RootView(
      base::RootedDir(runtime::mount_overlay({.lower = trees, .upper = {}, .work = {}})));
}

void MountedRoots::change(const runtime::OverlayDirs& dirs,
                          const std::function<void(const base::RootedDir&)>& edit) {
  edit(base::RootedDir(runtime::mount_overlay(dirs)));
}

}  // namespace bld::builder
