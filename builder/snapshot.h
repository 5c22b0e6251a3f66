// What a step sees as its root while a build runs: layers of which some are still being sealed.
#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "builder/tree_bundles.h"
#include "image/digest.h"
#include "layers/toc.h"
#include "store/store.h"

namespace bld::builder {

// What is known of a layer once it was read to its end.
struct Sealed {
  image::DiffId diff_id;
  std::uint64_t tar_size_bytes = 0;
  layers::SealOptions options;  // of a tree made here
};

// One layer: in the store, or made by this build. Shared by all snapshots that stand on it.
class LayerHandle {
 public:
  static std::shared_ptr<LayerHandle> stored(image::DiffId diff_id);
  // The same of one that this build has just written as a blob: it has no tree, but a table of
  // contents.
  static std::shared_ptr<LayerHandle> written(image::DiffId diff_id);
  // A committed tree whose digest is being computed.
  static std::shared_ptr<LayerHandle> sealing(std::string tree_id,
                                              std::shared_future<Sealed> sealed);

  // Any thread. Waits for the seal, and throws what it threw.
  const image::DiffId& diff_id() const { return sealed_.get().diff_id; }

  const Sealed& sealed() const { return sealed_.get(); }

  // Made by this build, and not yet recorded in the store.
  bool is_new() const { return is_new_; }

  // A new one, already sealed, of not much in not many files.
  bool is_small() const;

  // For Transaction::record_layer; waits for the seal.
  store::Layer record() const;

 private:
  friend class Snapshot;
  LayerHandle() = default;

  std::shared_future<Sealed> sealed_;
  bool is_new_ = false;
  bool has_no_tree_ = false;
  mutable base::Mutex mutex_;
  mutable std::string tree_id_ GUARDED_BY(mutex_);  // empty: no tree yet
  mutable std::shared_ptr<const layers::Toc> toc_ GUARDED_BY(mutex_);  // null: not read yet
};

// What there is of a layer to look files up in: a tree, or else a table of contents.
struct LayerFace {
  std::filesystem::path tree;
  std::shared_ptr<const layers::Toc> toc;
};

// A value: cheap to copy, safe to share.
class Snapshot {
 public:
  Snapshot() = default;

  explicit Snapshot(std::vector<std::shared_ptr<LayerHandle>> layers)
      : layers_(std::move(layers)) {}

  Snapshot with(std::shared_ptr<LayerHandle> layer) const;

  const std::vector<std::shared_ptr<LayerHandle>>& layers() const {
    return layers_;
  }  // lowest first

  // The layers' trees, uppermost first as overlayfs wants them; made from their blobs where needed.
  std::vector<std::filesystem::path> trees(store::Store& store) const;
  // The same for Roots::to_mount. Small are those that this build made so.
  std::vector<StackedTree> stack(store::Store& store) const;

  // For StackFiles: uppermost first; no tree is made but of layers with too many files.
  std::vector<LayerFace> faces(store::Store& store) const;

  // Waits for all seals.
  std::vector<image::DiffId> diff_ids() const;

 private:
  LayerFace face(std::size_t index, store::Store& store) const;
  std::vector<image::DiffId> below(std::size_t index) const;
  void make_tree(std::size_t index, store::Store& store) const;
  void make_trees(store::Store& store) const;

  std::vector<std::shared_ptr<LayerHandle>> layers_;
};

}  // namespace bld::builder
