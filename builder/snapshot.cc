#include "builder/snapshot.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/thread_pool.h"

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

std::shared_ptr<LayerHandle> LayerHandle::written(image::DiffId diff_id) {
  std::shared_ptr<LayerHandle> layer = stored(std::move(diff_id));
  layer->has_no_tree_ = true;
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

std::vector<image::DiffId> Snapshot::below(std::size_t index) const {
  return Snapshot(std::vector(layers_.begin(), layers_.begin() + static_cast<long>(index)))
      .diff_ids();
}

void Snapshot::make_tree(std::size_t index, store::Store& store) const {
  const LayerHandle& layer = *layers_[index];
  const base::MutexLock lock(layer.mutex_);
  if (!layer.tree_id_.empty()) return;
  layer.tree_id_ = store.ensure_tree(layer.diff_id(), below(index)).tree_id;
}

// Layers of a pulled image are extracted side by side.
void Snapshot::make_trees(store::Store& store) const {
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const LayerHandle& layer = *layers_[i];
    const base::MutexLock lock(layer.mutex_);
    if (layer.tree_id_.empty()) layer.tree_id_ = store.find_tree(layer.diff_id(), below(i));
    if (layer.tree_id_.empty()) missing.push_back(i);
  }
  if (missing.empty()) return;
  const auto most = static_cast<unsigned>(missing.size());
  base::ThreadPool pool(std::min(base::usable_processors(), most));
  std::vector<std::future<void>> made;
  for (const std::size_t i : missing) {
    made.push_back(pool.submit([this, i, &store] { make_tree(i, store); }));
  }
  for (std::future<void>& tree : made) tree.get();
}

std::vector<std::filesystem::path> Snapshot::trees(store::Store& store) const {
  std::vector<std::filesystem::path> paths;
  for (StackedTree& tree : stack(store)) paths.emplace_back(std::move(tree.directory));
  return paths;
}

LayerFace Snapshot::face(std::size_t index, store::Store& store) const {
  const LayerHandle& layer = *layers_[index];
  {
    const base::MutexLock lock(layer.mutex_);
    const bool is_known = !layer.tree_id_.empty() || layer.toc_;
    if (!is_known && !layer.has_no_tree_) {
      layer.tree_id_ = store.find_tree(layer.diff_id(), below(index));
    }
    if (!is_known && layer.tree_id_.empty()) {
      if (auto toc = store.read_toc(layer.diff_id())) {
        layer.toc_ = std::make_shared<const layers::Toc>(std::move(*toc));
      }
    }
    if (layer.tree_id_.empty() && layer.toc_) return {{}, layer.toc_};
  }
  make_tree(index, store);
  const base::MutexLock lock(layer.mutex_);
  return {store.tree_path(layer.tree_id_), nullptr};
}

std::vector<LayerFace> Snapshot::faces(store::Store& store) const {
  std::vector<LayerFace> faces;
  for (std::size_t i = layers_.size(); i-- > 0;) faces.push_back(face(i, store));
  return faces;
}

std::vector<StackedTree> Snapshot::stack(store::Store& store) const {
  make_trees(store);
  const std::string prefix = store.tree_path("");
  std::vector<StackedTree> result;
  result.reserve(layers_.size());
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    const bool is_small = (*layer)->is_small();
    const base::MutexLock lock((*layer)->mutex_);
    result.push_back({prefix + (*layer)->tree_id_, is_small});
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
