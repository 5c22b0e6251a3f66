// Changes to the store that other processes see all at once, or never.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "image/descriptor.h"
#include "image/digest.h"
#include "image/media_type.h"
#include "image/reference.h"
#include "store/records.h"

namespace bld::store {

struct StoreState;

// Fresh directories of ours for one layer in the making: removed on destruction unless committed;
// then what is left is emptied, to be another one. `fs` has mode 0755. Both are on the file system of the store, so commit_tree is one rename.
class ActiveTree {
 public:
  ActiveTree(ActiveTree&&) noexcept;
  ActiveTree& operator=(ActiveTree&&) noexcept;
  ~ActiveTree();

  const std::filesystem::path& fs() const { return fs_; }  // the upper directory

  const std::filesystem::path& work() const { return work_; }  // overlayfs's scratch

 private:
  friend class Store;
  ActiveTree() = default;
  bool make_spare() const;

  std::shared_ptr<StoreState> state_;
  std::string name_;
  std::filesystem::path fs_, work_;
};

enum class Extract { kNo, kYes };

// What is put is safe from gc at once, but cannot be found until commit(); dropping the transaction
// forgets it. All or nothing holds across power loss too. Any number may be open, in many
// processes and threads; each is used by one thread at a time.
class Transaction {
 public:
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  ~Transaction();

  // Idempotent: the same bytes are stored once.
  image::Descriptor put_blob(base::ByteSource& content, image::MediaType type);
  // The same for content that is pushed: `produce` writes all of it to the sink.
  image::Descriptor put_blob(const std::function<void(base::ByteSink&)>& produce,
                             image::MediaType type);
  // Content from outside: a digest or size other than the expected is an Error, and reading stops
  // at the expected size.
  void put_blob(base::ByteSource& content, const image::Descriptor& expected);

  // A layer's blob from outside in one pass: stored, decompressed, hashed twice and, if asked,
  // extracted. Digest, size, diffID and the end of the archive are all verified; else nothing
  // stays. `parents` are the layers below, lowest first (see Store::ensure_tree).
  Layer ingest_layer(base::ByteSource& blob, const image::Descriptor& expected,
                     const image::DiffId& expected_diff_id, Extract extract,
                     std::span<const image::DiffId> parents = {});

  // A layer made here: from a tree of Store::commit_tree, from blobs that were put, or both. Where
  // the store has the layer already, faces it lacks are added, and a second tree is forgotten.
  void record_layer(const Layer& layer);
  // Both are put blobs; all layers of the config are recorded here or before. Adds no name.
  void record_image(const image::Descriptor& manifest, const image::Descriptor& config);
  // Moves the name if another image has it. A manifest list of this name is gone.
  void name_image(const image::Reference& name, const image::Digest& manifest_digest);
  void record_step(StepRecord step);

  // On return all of it is on disk. Throws and forgets everything when that fails.
  void commit() &&;

 private:
  friend class Store;
  struct Impl;
  explicit Transaction(std::unique_ptr<Impl> impl);

  // A file that is in place and pinned.
  void add_blob(const image::Descriptor& blob);
  // Records the layer's tree upon the parents of this key.
  void record_tree(const Layer& layer, std::string parents_key);

  std::unique_ptr<Impl> impl_;
};

}  // namespace bld::store
