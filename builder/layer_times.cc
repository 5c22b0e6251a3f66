#include "builder/layer_times.h"

namespace bld::builder {

LayerTimes::LayerTimes(const Snapshot& snapshot, store::Store& store) {
  const std::vector<std::filesystem::path> trees = snapshot.trees(store);
  for (std::size_t i = 0; i < trees.size(); ++i) {
    const LayerHandle& handle = *snapshot.layers()[trees.size() - 1 - i];
    layers::SealOptions options = handle.sealed().options;
    if (!handle.is_new()) {
      const auto layer = store.find_layer(handle.diff_id());
      if (layer && layer->sealed_with) options = *layer->sealed_with;
    }
    differ_ = differ_ || options.max_mtime || options.set_mtime;
    trees_.emplace_back(base::RootedDir::open(trees[i]), std::move(options));
  }
  if (!differ_) trees_.clear();
}

// The uppermost tree that has the name is where it comes from: if something hid it, it would not
// show.
std::int64_t LayerTimes::of(const std::string& path, std::int64_t mtime) const {
  for (const auto& [tree, options] : trees_) {
    if (tree.lstat(path)) return layers::sealed_mtime(mtime, options);
  }
  return mtime;
}

}  // namespace bld::builder
