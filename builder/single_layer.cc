#include "builder/single_layer.h"

#include <algorithm>
#include <deque>

#include "layers/overlay_upper.h"
#include "layers/seal.h"
#include "layers/squash.h"

namespace bld::builder {

AssembledLayers as_single_layer(const Snapshot& snapshot, std::size_t kept, AssembledLayers layers,
                                store::Store& store) {
  const std::size_t count = snapshot.layers().size();
  if (count <= kept + 1) return layers;
  const std::vector<std::filesystem::path> trees = snapshot.trees(store);  // uppermost first
  const auto below = std::span(trees).subspan(count - kept);

  store::ActiveTree tree = store.new_tree();
  layers::SealOptions options;
  options.parent_root = layers::prepare_upper(below, tree.fs());
  std::deque<base::RootedDir> opened;
  std::vector<const base::RootedDir*> merged;
  for (std::size_t i = 0; i < count - kept; ++i) {
    opened.push_back(base::RootedDir::open(trees[i]));
    merged.push_back(&opened.back());
  }
  layers::squash(merged, base::RootedDir::open(tree.fs()), {.keep_whiteouts = kept > 0});

  store::Layer layer;
  layer.tree_id = store.commit_tree(std::move(tree));
  const layers::SealedLayer sealed =
      layers::seal(base::RootedDir::open(store.tree_path(layer.tree_id)), options);
  layer.diff_id = sealed.diff_id;
  layer.tar_size_bytes = sealed.tar_size;
  layer.sealed_with = options;
  store::Transaction transaction = store.begin();
  transaction.record_layer(layer);
  std::move(transaction).commit();

  layers.layers.resize(kept);
  layers.layers.push_back(sealed.diff_id);
  const auto last = std::find(layers.made_layer.rbegin(), layers.made_layer.rend(), true);
  for (auto entry = layers.made_layer.rbegin(); entry != layers.made_layer.rend(); ++entry) {
    if (entry != last) *entry = false;
  }
  return layers;
}

}  // namespace bld::builder
