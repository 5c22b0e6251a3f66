#include "builder/snapshot.h"

#include <chrono>
#include <utility>

namespace bld::builder {

namespace {

std::shared_future<Sealed> known(Sealed sealed) {
  std::promise<Sealed> promise;
  promise.set_value(std::move(sealed));
  return promise.get_future().share();
}

}  // namespace

std::shared_ptr<LayerHandle> LayerHandle::stored(image::DiffId diff_id) {
  std::shared_ptr<LayerHandle> layer(new LayerHandle);
  layer->sealed_ = known({std::move(diff_id), 0, {}});
  return layer;
}

std::shared_ptr<LayerHandle> LayerHandle::sealing(std::string tree_id,
                                                  std::shared_future<Sealed> sealed) {
  std::shared_ptr<LayerHandle> layer(new LayerHandle);
  layer->sealed_ = std::move(sealed);
  layer->is_new_ = true;
  const base::MutexLock lock(layer->mutex_);
  layer->tree_id_ = std::move(tree_id);
  return layer;
}

bool LayerHandle::is_small() const {
  constexpr std::uint64_t kBytes = 128 << 10;  // a tar has at least 512 for each file
  return is_new_ && sealed_.wait_for(std::chrono::seconds(0)) == std::future_status::ready &&
         sealed_.get().tar_size_bytes <= kBytes;
}

store::Layer LayerHandle::record() const {
  store::Layer layer{.diff_id = sealed().diff_id,
                     .tar_size_bytes = sealed().tar_size_bytes,
                     .tree_id = "",
                     .sealed_with = sealed().options,
                     .blobs = {},
                     .implied_parents = false};
  const base::MutexLock lock(mutex_);
  layer.tree_id = tree_id_;
  return layer;
}

Snapshot Snapshot::with(std::shared_ptr<LayerHandle> layer) const {
  Snapshot result = *this;
  result.layers_.push_back(std::move(layer));
  return result;
}

std::vector<std::filesystem::path> Snapshot::trees(store::Store& store) const {
  std::vector<std::filesystem::path> paths(layers_.size());
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const LayerHandle& layer = *layers_[i];
    const base::MutexLock lock(layer.mutex_);
    if (layer.tree_id_.empty()) {
      const Snapshot below(std::vector(layers_.begin(), layers_.begin() + static_cast<long>(i)));
      layer.tree_id_ = store.ensure_tree(layer.diff_id(), below.diff_ids()).tree_id;
    }
    paths[layers_.size() - 1 - i] = store.tree_path(layer.tree_id_);
  }
  return paths;
}

std::vector<StackedTree> Snapshot::stack(store::Store& store) const {
  std::vector<StackedTree> result;
  auto layer = layers_.rbegin();
  for (std::filesystem::path& tree : trees(store)) {
    result.push_back({std::move(tree), (*layer++)->is_small()});
  }
  return result;
}

std::vector<image::DiffId> Snapshot::diff_ids() const {
  std::vector<image::DiffId> ids;
  ids.reserve(layers_.size());
  for (const auto& layer : layers_) ids.push_back(layer->diff_id());
  return ids;
}

}  // namespace bld::builder
