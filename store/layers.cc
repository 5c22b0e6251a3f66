// Layers: their rows, and the blob face.
#include <fcntl.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/rooted_dir.h"
#include "base/text.h"
#include "layers/background.h"
#include "layers/compression.h"
#include "store/blob_file.h"
#include "store/rows.h"
#include "store/state.h"

namespace bld::store {

using base::Error;
using nlohmann::json;

std::string seal_of_layer(std::string_view diff_id, std::uint64_t tar_size_bytes) {
  return row_seal({"layer", diff_id, std::to_string(tar_size_bytes)});
}

std::string to_json(const layers::SealOptions& options) {
  json text = json::object();
  if (options.max_mtime) text["max_mtime"] = *options.max_mtime;
  if (options.set_mtime) text["set_mtime"] = *options.set_mtime;
  if (options.parent_root) {
    const layers::FileEntry& entry = *options.parent_root;
    json root = {{"mode", entry.mode}, {"uid", entry.uid}, {"gid", entry.gid}};
    if (entry.opaque) root["opaque"] = true;
    // Values are any bytes, which JSON cannot hold.
    for (const auto& [name, value] : entry.xattrs) {
      root["xattrs"][base::to_hex(base::as_bytes(name))] = base::to_hex(base::as_bytes(value));
    }
    text["parent_root"] = std::move(root);
  }
  return text.dump();
}

namespace {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const auto value = base::parse_unsigned(hex.substr(i, 2), 16);
    if (!value) throw Error("a row of the store is damaged: {} is not hexadecimal", hex);
    bytes += static_cast<char>(*value);
  }
  return bytes;
}

}  // namespace

layers::SealOptions seal_options_from_json(std::string_view text) try {
  const json parsed = json::parse(text);
  layers::SealOptions options;
  if (parsed.contains("max_mtime")) options.max_mtime = parsed["max_mtime"].get<std::int64_t>();
  if (parsed.contains("set_mtime")) options.set_mtime = parsed["set_mtime"].get<std::int64_t>();
  if (parsed.contains("parent_root")) {
    const json& root = parsed["parent_root"];
    layers::FileEntry entry;
    entry.type = layers::FileEntry::Type::kDirectory;
    entry.mode = root.at("mode").get<std::uint32_t>();
    entry.uid = root.at("uid").get<std::uint32_t>();
    entry.gid = root.at("gid").get<std::uint32_t>();
    entry.opaque = root.value("opaque", false);
    const json xattrs = root.value("xattrs", json::object());
    for (const auto& [name, value] : xattrs.items()) {
      entry.xattrs[from_hex(name)] = from_hex(value.get<std::string>());
    }
    options.parent_root = std::move(entry);
  }
  return options;

} catch (const json::exception& error) {
  throw Error("a row of the store is damaged: {}", error.what());
}

std::string text_of_media_type(const image::Descriptor& descriptor) {
  if (descriptor.media_type == image::MediaType::kUnknown) return descriptor.unknown_media_type;
  return std::string(image::media_type_text(descriptor.media_type));
}

image::Descriptor descriptor_of(std::string_view media_type, std::string_view digest,
                                std::uint64_t size) {
  image::Descriptor descriptor;
  descriptor.media_type = image::parse_media_type(media_type);
  if (descriptor.media_type == image::MediaType::kUnknown) {
    descriptor.unknown_media_type = media_type;
  }
  descriptor.digest = image::Digest::parse(digest);
  descriptor.size = size;
  return descriptor;
}

std::optional<image::Descriptor> read_blob(Session& session, std::string_view digest) {
  Query row =
      session.query("SELECT media_type, digest, size_bytes FROM blobs WHERE digest = ?", digest);
  if (!row.next()) return std::nullopt;
  return descriptor_of(row.text(0), row.text(1), row.number(2));
}

std::string read_tree(Session& session, std::string_view diff_id, std::string_view parents_key) {
  Query row = session.query("SELECT tree_id FROM trees WHERE diff_id = ? AND parents_key = ?",
                            diff_id, parents_key);
  return row.next() ? row.text(0) : std::string();
}

std::optional<Layer> read_layer(Session& session, std::string_view diff_id) {
  Query row = session.query(
      "SELECT l.tar_size_bytes, l.implied_parents, t.tree_id, t.sealed_with FROM layers AS l "
      "LEFT JOIN trees AS t ON t.diff_id = l.diff_id AND t.parents_key = '' WHERE l.diff_id = ?",
      diff_id);
  if (!row.next()) return std::nullopt;
  Layer layer{.diff_id = image::DiffId{image::Digest::parse(diff_id)},
              .tar_size_bytes = row.number(0),
              .tree_id = row.text(2),
              .sealed_with = std::nullopt,
              .blobs = {},
              .implied_parents = row.integer(1) != 0};
  if (!row.is_null(3)) layer.sealed_with = seal_options_from_json(row.text(3));
  Query blobs = session.query(
      "SELECT lb.media_type, lb.digest, lb.size_bytes FROM layer_blobs AS lb "
      "JOIN blobs USING (digest) WHERE lb.diff_id = ? ORDER BY lb.size_bytes",
      diff_id);
  while (blobs.next()) {
    layer.blobs.push_back(descriptor_of(blobs.text(0), blobs.text(1), blobs.number(2)));
  }
  return layer;
}

void write_layer(Session& session, const Layer& layer, std::string_view parents_key) {
  const std::string diff_id = layer.diff_id.digest.str();
  session.run(
      "INSERT INTO layers (diff_id, tar_size_bytes, implied_parents, seal) VALUES (?, ?, ?, ?) "
      "ON CONFLICT (diff_id) DO UPDATE SET "
      "implied_parents = max(implied_parents, excluded.implied_parents)",
      diff_id, layer.tar_size_bytes, layer.implied_parents ? 1 : 0,
      seal_of_layer(diff_id, layer.tar_size_bytes));
  for (const image::Descriptor& blob : layer.blobs) {
    session.run(
        "INSERT INTO layer_blobs (digest, diff_id, media_type, size_bytes) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (digest) DO NOTHING",
        blob.digest.str(), diff_id, text_of_media_type(blob), std::uint64_t(blob.size));
  }
  if (!layer.tree_id.empty()) {
    const std::optional<std::string> sealed_with =
        layer.sealed_with ? std::optional(to_json(*layer.sealed_with)) : std::nullopt;
    // Of two trees of one layer the first stays: somebody may stand on it.
    session.run(
        "INSERT INTO trees (tree_id, diff_id, parents_key, sealed_with) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        layer.tree_id, diff_id, parents_key, sealed_with);
  }
}

std::optional<Layer> Store::find_layer(const image::DiffId& diff_id) {
  state_->pin(pin_of_layer(diff_id.digest.str()));
  Session session(state_->database, SessionKind::kRead);
  return read_layer(session, diff_id.digest.str());
}

std::optional<Layer> Store::find_layer_of_blob(const image::Digest& digest) {
  std::string diff_id;
  {
    Session session(state_->database, SessionKind::kRead);
    Query row = session.query("SELECT diff_id FROM layer_blobs WHERE digest = ?", digest.str());
    if (!row.next()) return std::nullopt;
    diff_id = row.text(0);
  }
  return find_layer(image::DiffId{image::Digest::parse(diff_id)});
}

namespace {

// Writes the tar of the layer to `sink`: from a blob where there is one, since reading that is one
// file, else from its tree. Returns the digest of what was written.
image::DiffId write_tar(StoreState& state, const Layer& layer, base::ByteSink& sink) {
  if (!layer.blobs.empty()) {
    const std::filesystem::path path = state.blob_path(layer.blobs.front().digest);
    const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) throw Error::sys("open", path.string());
    base::FdSource compressed(file.get());
    layers::BackgroundSha256 hash;
    base::TeeSink both(hash, sink);
    base::pump(*layers::decompress(compressed), both);
    return image::DiffId{image::Digest::from_sha256(hash.finish())};
  }
  if (layer.tree_id.empty() || !layer.sealed_with) {
    throw Error("layer {} is neither as a blob nor as a sealed tree in the store",
                layer.diff_id.digest.str());
  }
  const base::RootedDir tree = base::RootedDir::open(state.tree_path(layer.tree_id));
  return layers::seal(tree, *layer.sealed_with, &sink).diff_id;
}

// Nothing for a media type that does not say.
std::optional<layers::Compression> compression_of(image::MediaType type) {
  switch (type) {
    case image::MediaType::kOciLayerTar:
    case image::MediaType::kDockerLayerTar:
      return layers::Compression::kNone;
    case image::MediaType::kOciLayerGzip:
    case image::MediaType::kDockerLayerGzip:
      return layers::Compression::kGzip;
    case image::MediaType::kOciLayerZstd:
      return layers::Compression::kZstd;
    default:
      return std::nullopt;
  }
}

image::MediaType media_type_of(layers::Compression compression) {
  switch (compression) {
    case layers::Compression::kGzip:
      return image::MediaType::kOciLayerGzip;
    case layers::Compression::kZstd:
      return image::MediaType::kOciLayerZstd;
    case layers::Compression::kNone:
      break;
  }
  return image::MediaType::kOciLayerTar;
}

void check_tar(const Layer& layer, const image::DiffId& written) {
  if (written == layer.diff_id) return;
  throw Error("layer {} is damaged in the store: its tar now has the digest {}",
              layer.diff_id.digest.str(), written.digest.str())
      .hint("`bld check --repair` drops what is damaged, so that it is made again");
}

}  // namespace

image::Descriptor Store::ensure_blob(const image::DiffId& diff_id, layers::Compression compression,
                                     int level) {
  const std::optional<Layer> layer = find_layer(diff_id);
  if (!layer) throw Error("layer {} is not in the store", diff_id.digest.str());
  for (const image::Descriptor& blob : layer->blobs) {
    if (compression_of(blob.media_type) == compression) return blob;
  }
  BlobFile file(*state_);
  if (compression == layers::Compression::kNone) {
    check_tar(*layer, write_tar(*state_, *layer, file));
  } else {
    const auto compressor = layers::compress(file, {.compression = compression, .level = level});
    const image::DiffId written = write_tar(*state_, *layer, *compressor);
    compressor->finish();
    check_tar(*layer, written);
  }
  const image::Digest digest = file.finish();
  file.publish();
  Transaction transaction = begin();
  Layer face = *layer;
  face.blobs.assign(1, {});
  face.blobs.front().media_type = media_type_of(compression);
  face.blobs.front().digest = digest;
  face.blobs.front().size = file.size_bytes();
  transaction.add_blob(face.blobs.front());
  transaction.record_layer(face);
  std::move(transaction).commit();
  return face.blobs.front();
}

}  // namespace bld::store
