#include "builder/fuse_roots.h"

#include <array>

#include "builder/opened_trees.h"
#include "layers/named_whiteouts.h"
#include "layers/squash.h"

namespace bld::builder {

using base::RootedDir;

const std::filesystem::path& FuseRoots::spelled(const Path& tree) {
  const auto known = spelled_.find(tree);
  if (known != spelled_.end()) return known->second;
  const RootedDir original = RootedDir::open(tree);
  if (!layers::has_whiteouts(original)) return spelled_.emplace(tree, tree).first->second;
  const Path copy = store_.make_temp_dir();
  const RootedDir target = RootedDir::open(copy);
  const std::array stack = {&original};
  layers::squash(stack, target, {.keep_whiteouts = true, .hard_links = true});
  layers::name_whiteouts(target);
  originals_.emplace(copy, tree);
  return spelled_.emplace(tree, copy).first->second;
}

std::vector<std::filesystem::path> FuseRoots::to_mount(const std::vector<StackedTree>& trees) {
  std::vector<Path> result = MountedRoots::to_mount(trees);
  const base::MutexLock lock(mutex_);
  for (Path& tree : result) tree = spelled(tree);
  return result;
}

void FuseRoots::change(const runtime::OverlayDirs& dirs,
                       const std::function<void(const RootedDir&)>& edit) {
  spell_upper(dirs.upper);
  MountedRoots::change(dirs, edit);
  restore_upper(dirs.upper, dirs.lower);
}

void FuseRoots::spell_upper(const Path& upper) { layers::name_whiteouts(RootedDir::open(upper)); }

void FuseRoots::restore_upper(const Path& upper, const std::vector<Path>& lower) {
  OpenedTrees originals;
  for (const Path& tree : lower) {
    const base::MutexLock lock(mutex_);
    const auto original = originals_.find(tree);
    originals.push_back(original == originals_.end() ? tree : original->second);
  }
  layers::unname_whiteouts(RootedDir::open(upper), originals.stack());
}

}  // namespace bld::builder
