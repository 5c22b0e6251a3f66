#include "builder/roots.h"

namespace bld::builder {

namespace fs = std::filesystem;

RootView MountedRoots::look_into(const std::vector<fs::path>& trees) {
  if (trees.empty()) return RootView(base::RootedDir::open(store_.make_temp_dir()));
  return RootView(
      base::RootedDir(runtime::mount_overlay({to_mount(stacked(trees)), {}, {}}, api_)));
}

void MountedRoots::change(const runtime::OverlayDirs& dirs,
                          const std::function<void(const base::RootedDir&)>& edit) {
  edit(base::RootedDir(
      runtime::mount_overlay({to_mount(stacked(dirs.lower)), dirs.upper, dirs.work}, api_)));
}

}  // namespace bld::builder
