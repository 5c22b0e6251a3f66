#include "store/transaction.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/file_io.h"
#include "base/rooted_dir.h"
#include "image/image_config.h"
#include "image/manifest.h"
#include "layers/apply.h"
#include "layers/background.h"
#include "layers/compression.h"
#include "layers/tar_reader.h"
#include "layers/whiteout.h"
#include "store/blob_file.h"
#include "store/rows.h"
#include "store/state.h"
#include "store/toc_file.h"

namespace bld::store {

using base::Error;
using base::RootedDir;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kDocumentLimitBytes = 4 << 20;

struct NewLayer {
  Layer layer;
  std::string parents_key;  // see ensure_tree
};

struct NewImage {
  image::Descriptor manifest, config;
  std::vector<image::DiffId> layers;
  std::string created;
};

struct NewName {
  std::string name;
  image::Digest manifest;
};

}  // namespace

struct Transaction::Impl {
  std::shared_ptr<StoreState> state;
  std::vector<image::Descriptor> blobs;
  std::vector<NewLayer> layers;
  std::vector<NewImage> images;
  std::vector<NewName> names;
  std::vector<StepRecord> steps;

  std::string read_document(const image::Descriptor& blob) const;
  void write(Session& session) const;
  void write_image(Session& session, const NewImage& image) const;
};

Transaction Store::begin() {
  (void)state_->lease();
  auto impl = std::make_unique<Transaction::Impl>();
  impl->state = state_;
  return Transaction(std::move(impl));
}

Transaction::Transaction(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Transaction::Transaction(Transaction&&) noexcept = default;
Transaction& Transaction::operator=(Transaction&&) noexcept = default;
Transaction::~Transaction() = default;

image::Descriptor Transaction::put_blob(base::ByteSource& content, image::MediaType type) {
  return put_blob([&](base::ByteSink& sink) { base::pump(content, sink); }, type);
}

image::Descriptor Transaction::put_blob(const std::function<void(base::ByteSink&)>& produce,
                                        image::MediaType type) {
  BlobFile file(*impl_->state);
  produce(file);
  image::Descriptor blob;
  blob.media_type = type;
  blob.digest = file.finish();
  blob.size = file.size_bytes();
  file.publish();
  add_blob(blob);
  return blob;
}

void Transaction::put_blob(base::ByteSource& content, const image::Descriptor& expected) {
  BlobFile file(*impl_->state);
  ExpectedSource source(content, expected, file);
  source.verify();
  file.publish();
  add_blob(expected);
}

void Transaction::add_blob(const image::Descriptor& blob) { impl_->blobs.push_back(blob); }

namespace {

std::string parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? std::string_view() : path.substr(0, slash));
}

// What apply() would verify and find out, without making files. While this thread reads entries,
// one hashes the tar and one decompresses what it receives, hashes and keeps.
layers::AppliedLayer scan(base::ByteSource& blob, const image::DiffId& expected,
                          layers::TocWriter& toc) {
  const auto tar = layers::decompress(blob);
  layers::ReadAhead ahead(*tar);
  layers::HashingSource hashed(ahead);
  layers::TarReader reader(hashed);
  layers::AppliedLayer result;
  std::set<std::string, std::less<>> listed, needed;
  while (const layers::FileEntry* entry = reader.next()) {
    ++result.entry_count;
    toc.add_from_tar(*entry, kept_text(*entry, reader.content()));
    if (entry->type == layers::FileEntry::Type::kDirectory) listed.insert(entry->path);
    const layers::WhiteoutName name = layers::parse_whiteout(entry->path);
    std::string parent = parent_of(entry->path);
    if (name.kind == layers::WhiteoutName::Kind::kOpaque) parent = name.path;
    for (; !parent.empty() && needed.insert(parent).second; parent = parent_of(parent)) {
    }
  }
  result.implied_parents = !std::ranges::includes(listed, needed);
  result.tar_size = hashed.size_bytes();
  result.diff_id = {image::Digest::from_sha256(hashed.finish())};
  if (result.diff_id != expected) {
    throw Error("layer {} has the diffID {} instead", expected.digest.str(),
                result.diff_id.digest.str());
  }
  return result;
}

}  // namespace

Layer Transaction::ingest_layer(base::ByteSource& blob, const image::Descriptor& expected,
                                const image::DiffId& expected_diff_id, Extract extract,
                                std::span<const image::DiffId> parents) {
  Store store(impl_->state);
  BlobFile file(*impl_->state);
  ExpectedSource source(blob, expected, file);
  Layer layer;
  layer.diff_id = expected_diff_id;
  layers::AppliedLayer applied;
  std::optional<ActiveTree> tree;
  std::optional<TocFile> toc;
  std::vector<RootedDir> opened;
  if (extract == Extract::kYes) {
    tree = store.new_tree();
    opened = open_trees(*impl_->state, parents);
    layers::ApplyOptions options;
    for (const RootedDir& parent : opened) options.parents.push_back(&parent);
    options.expected_diff_id = expected_diff_id;
    applied = layers::apply(source, RootedDir::open(tree->fs()), options);
  } else {
    toc.emplace(*impl_->state);
    applied = scan(source, expected_diff_id, toc->writer());
  }
  source.verify();
  file.publish();
  if (toc) toc->publish(expected_diff_id);
  add_blob(expected);
  layer.tar_size_bytes = applied.tar_size;
  layer.implied_parents = applied.implied_parents;
  layer.blobs = {expected};
  // A tree that depends on parents which were not there is made again by Store::ensure_tree.
  if (tree && (!applied.implied_parents || opened.size() == parents.size())) {
    layer.tree_id = store.commit_tree(*tree);
  }
  impl_->layers.push_back({layer, applied.implied_parents ? key_of_parents(parents) : ""});
  return layer;
}

void Transaction::record_layer(const Layer& layer) {
  if (layer.tree_id.empty() && layer.blobs.empty()) {
    throw Error("layer {} is recorded without tree and blob", layer.diff_id.digest.str());
  }
  if (layer.blobs.empty() && !layer.sealed_with) {
    throw Error("layer {} is recorded with a tree that does not give its tar",
                layer.diff_id.digest.str());
  }
  impl_->state->pin(pin_of_layer(layer.diff_id.digest.str()));
  impl_->layers.push_back({layer, {}});
}

void Transaction::record_tree(const Layer& layer, std::string parents_key) {
  impl_->layers.push_back({layer, std::move(parents_key)});
}

std::string Transaction::Impl::read_document(const image::Descriptor& blob) const {
  return base::read_file(state->blob_path(blob.digest), kDocumentLimitBytes);
}

void Transaction::record_image(const image::Descriptor& manifest, const image::Descriptor& config) {
  const image::Manifest parsed = image::Manifest::parse(impl_->read_document(manifest));
  const image::ImageConfig image = image::ImageConfig::parse(impl_->read_document(config));
  if (parsed.config.digest != config.digest) {
    throw Error("manifest {} has the config {}, not {}", manifest.digest.str(),
                parsed.config.digest.str(), config.digest.str());
  }
  if (parsed.layers.size() != image.diff_ids.size()) {
    throw Error("manifest {} has {} layers, its config {}", manifest.digest.str(),
                parsed.layers.size(), image.diff_ids.size());
  }
  std::vector<std::string> pins = {pin_of_blob(manifest.digest.str()),
                                   pin_of_blob(config.digest.str())};
  for (const image::DiffId& layer : image.diff_ids) {
    pins.push_back(pin_of_layer(layer.digest.str()));
  }
  impl_->state->pin(pins);
  impl_->images.push_back({manifest, config, image.diff_ids, image.created});
}

void Transaction::name_image(const image::Reference& name, const image::Digest& manifest_digest) {
  impl_->names.push_back({stored_name(name), manifest_digest});
}

void Transaction::record_step(StepRecord step) {
  if (step.layer) impl_->state->pin(pin_of_layer(step.layer->digest.str()));
  impl_->steps.push_back(std::move(step));
}

void Transaction::Impl::write_image(Session& session, const NewImage& image) const {
  const std::string manifest = image.manifest.digest.str();
  const std::string config = image.config.digest.str();
  std::uint64_t size = image.config.size;
  for (const image::DiffId& layer : image.layers) {
    Query row =
        session.query("SELECT tar_size_bytes FROM layers WHERE diff_id = ?", layer.digest.str());
    if (!row.next()) {
      throw Error("image {} has a layer that is not in the store: {}", manifest,
                  layer.digest.str());
    }
    size += row.number(0);
  }
  const int added = session.run(
      "INSERT INTO images (manifest_digest, manifest_media_type, config_digest, created, "
      "stored_at, "
      "size_bytes, seal) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      manifest, text_of_media_type(image.manifest), config, image.created, seconds(now()), size,
      seal_of_image(manifest, config));
  if (added == 0) return;
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    session.run("INSERT INTO image_layers (manifest_digest, position, diff_id) VALUES (?, ?, ?)",
                manifest, i, image.layers[i].digest.str());
  }
}

// In the order in which one row points to another.
void Transaction::Impl::write(Session& session) const {
  for (const image::Descriptor& blob : blobs) {
    session.run(
        "INSERT INTO blobs (digest, size_bytes, media_type) VALUES (?, ?, ?) ON CONFLICT DO "
        "NOTHING",
        blob.digest.str(), std::uint64_t(blob.size), text_of_media_type(blob));
  }
  for (const NewLayer& added : layers) {
    if (!added.layer.tree_id.empty()) {
      const std::string old =
          read_tree(session, added.layer.diff_id.digest.str(), added.parents_key);
      // A row whose directory somebody removed by hand must not keep the new one out.
      if (!old.empty() && !fs::exists(fs::symlink_status(state->tree_path(old)))) {
        session.run("DELETE FROM trees WHERE tree_id = ?", old);
      }
    }
    write_layer(session, added.layer, added.parents_key);
  }
  for (const NewImage& image : images) write_image(session, image);
  for (const NewName& name : names) {
    const std::string manifest = name.manifest.str();
    if (!session.query("SELECT 1 FROM images WHERE manifest_digest = ?", manifest).next()) {
      throw Error("{}: image not known", manifest);
    }
    session.run(
        "INSERT INTO names (name, manifest_digest, named_at, seal) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET manifest_digest = excluded.manifest_digest, "
        "named_at = excluded.named_at, seal = excluded.seal",
        name.name, manifest, seconds(now()), seal_of_name(name.name, manifest));
    session.run("DELETE FROM lists WHERE name = ?", name.name);
  }
  for (const StepRecord& step : steps) write_step(session, step);
}

void Transaction::commit() && {
  const std::unique_ptr<Impl> impl = std::move(impl_);
  StoreState& state = *impl->state;
  const bool has_trees = std::ranges::any_of(
      impl->layers, [](const NewLayer& added) { return !added.layer.tree_id.empty(); });
  if (has_trees) state.sync_trees();
  if (!impl->blobs.empty()) {
    // The files are on disk since they were put; their names are from here on.
    const base::UniqueFd directory(
        ::open((state.root / "blobs/sha256").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) throw Error::sys("open", (state.root / "blobs/sha256").string());
    base::sync_fd(directory.get());
  }
  // A cache record that is lost with the power is only a missed hit.
  const bool is_promise = !impl->images.empty() || !impl->names.empty();
  Session session(state.database, is_promise ? SessionKind::kDurableWrite : SessionKind::kWrite);
  impl->write(session);
  session.commit();
}

}  // namespace bld::store
