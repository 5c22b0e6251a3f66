// What the store hands out and takes in, as plain values.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "image/descriptor.h"
#include "image/digest.h"
#include "layers/seal.h"

namespace bld::store {

using Time = std::chrono::sys_seconds;

// One layer and the faces of it that are on disk. At least one is: a tree or a blob.
struct Layer {
  image::DiffId diff_id;
  std::uint64_t tar_size_bytes = 0;
  // 16 hex digits, see Store::tree_path; empty: there is no tree yet, or none that suits any
  // parents.
  std::string tree_id;
  // What seal() was told when this tree gave diff_id. Nothing: the tree was extracted, and the tar
  // is not to be had from it; then a blob is on disk.
  std::optional<layers::SealOptions> sealed_with;
  std::vector<image::Descriptor> blobs;  // on disk: tar, tar+gzip, tar+zstd
  // Its tar names files in directories that it does not list itself. So its trees depend on the
  // layers below: Store::ensure_tree keeps one for each stack of parents.
  bool implied_parents = false;
};

// A manifest on disk with all that it needs.
struct ImageRecord {
  image::Digest manifest_digest;
  image::Digest config_digest;     // its hex is the image ID
  std::vector<std::string> names;  // Reference::str() of each name, sorted; empty: unnamed
  std::string created;             // as the config says it (RFC 3339); empty: it does not
  Time stored_at;                  // when this store first got it
  std::uint64_t size_bytes = 0;    // of the uncompressed layers and the config

  std::string id() const;  // 64 hex digits
  // The text that means this manifest and no other one of the same ID: for find_image,
  // remove_image.
  std::string exact_name() const;
  // When the image was made, as people want to know it. Who leaves no time in an image writes
  // 1970-01-01: then it is `stored_at`.
  Time made_at() const;
};

// "image@sha256:…": the image with this manifest, whatever its names are.
std::string exact_name(const image::Digest& manifest_digest);

// The outcome of one step of a build.
struct StepRecord {
  std::string key;                     // definition key, hex
  std::string content_key;             // hex; empty: none
  std::optional<image::DiffId> layer;  // nothing: the step changed no file
  std::string ingredients;             // JSON: what the key was made of, for --explain
  std::string value;                   // JSON, small: what else the step gives
  std::string label;  // which step of which build it is to a person; see Store::latest_step
  Time created_at{};  // both are set by the store when left at zero
  Time last_used{};
};

// A file of a build context as stat(2) shows it, and the digest that its content had.
struct FileStamp {
  std::uint64_t device = 0, inode = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t mtime_ns = 0, ctime_ns = 0;
  auto operator<=>(const FileStamp&) const = default;
};

struct FileDigest {
  FileStamp stamp;
  std::array<std::byte, 32> sha256{};
};

// A working container: an active snapshot that stays open between commands.
struct Container {
  std::string id;                               // 64 hex digits; made by the store when left empty
  std::string name;                             // unique
  std::optional<image::Digest> image_manifest;  // what it was made from; nothing: scratch
  std::vector<image::DiffId> layers;            // its lower trees, lowest first
  std::string config;                           // JSON of the builder, opaque to the store
  Time created_at{};
};

// A manifest list in the making.
struct ManifestList {
  std::string id;        // 64 hex digits; made by the store when left empty
  std::string name;      // Reference::str(), unique
  std::string document;  // an image index, JSON
  Time created_at{};
};

// What Store::remove_image did.
struct RemovedImage {
  std::vector<std::string> untagged;     // names that are gone
  std::vector<std::string> removed_ids;  // image IDs that are gone; empty: other names keep it
  std::vector<std::string> removed_containers;  // by force
};

struct GcResult {
  std::uint64_t images = 0, layers = 0, blobs = 0, trees = 0, steps = 0, run_caches = 0;
  std::uint64_t freed_bytes = 0;  // of blobs, caches, and of trees by the size of their tar
};

// What takes space in the store, by what would free it. Bytes of trees are those of their tar.
struct UsageItem {
  std::string id;                  // an image's or container's ID; a cache's directory
  std::vector<std::string> names;  // of an image or container
  std::uint64_t bytes = 0;         // all that it holds
  std::uint64_t own_bytes = 0;     // what goes when it goes: held by nothing else, nor by the cache
  Time last_used{};                // of an image or container: when it was stored
  bool in_use = false;             // an image of a container; a cache that a step uses now
};

struct StoreUsage {
  std::vector<UsageItem> images, containers;
  std::vector<UsageItem> run_caches;    // directories of RUN --mount=type=cache
  std::uint64_t steps = 0;              // records of the step cache
  std::uint64_t layer_bytes = 0;        // of all layers, each counted once
  std::uint64_t image_layer_bytes = 0;  // of those that images or containers hold
  std::uint64_t document_bytes = 0;     // manifests and configs

  // What only the step cache holds.
  std::uint64_t step_bytes() const { return layer_bytes - image_layer_bytes; }

  std::uint64_t total_bytes() const;
};

// What may go from the caches (of steps and of RUN --mount=type=cache), least recently used first.
struct CacheRule {
  std::optional<Time> unused_since;         // only what was last used before
  std::optional<std::uint64_t> keep_bytes;  // until the whole store takes no more than that
};

// One damage found by Store::check(): what is wrong, in one line, beginning with the object.
struct Finding {
  std::string text;
  bool repaired = false;
};

}  // namespace bld::store
