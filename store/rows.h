// Rows as values. Private to this folder.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/rooted_dir.h"
#include "layers/seal.h"
#include "store/database.h"
#include "store/records.h"
#include "store/state.h"

namespace bld::store {

// Media types as rows hold them.
std::string text_of_media_type(const image::Descriptor& descriptor);
image::Descriptor descriptor_of(std::string_view media_type, std::string_view digest,
                                std::uint64_t size);

std::optional<image::Descriptor> read_blob(Session& session, std::string_view digest);

// With the tree that suits any parents, and the blobs that are on disk.
std::optional<Layer> read_layer(Session& session, std::string_view diff_id);
// The tree of this layer upon these parents; empty: none.
std::string read_tree(Session& session, std::string_view diff_id, std::string_view parents_key);

// What tells the trees of a layer with implied parents apart.
std::string key_of_parents(std::span<const image::DiffId> parents);
// The trees of these layers (lowest first) with the uppermost first; empty unless all are there.
std::vector<base::RootedDir> open_trees(StoreState& state, std::span<const image::DiffId> layers);

void write_layer(Session& session, const Layer& layer, std::string_view parents_key);
void write_step(Session& session, const StepRecord& step);

// A name as rows hold it: with a digest and no tag, or with a tag ("latest" if there is neither).
std::string stored_name(const image::Reference& name);
// The names that a text of the user may stand for, in the order in which they are tried.
std::vector<std::string> names_meant_by(std::string_view text);
std::optional<ImageRecord> read_image(Session& session, std::string_view manifest_digest);

std::string seal_of_layer(std::string_view diff_id, std::uint64_t tar_size_bytes);
std::string seal_of_image(std::string_view manifest_digest, std::string_view config_digest);
std::string seal_of_name(std::string_view name, std::string_view manifest_digest);
std::string seal_of_step(std::string_view key, std::string_view content_key,
                         std::string_view diff_id, std::string_view value);

// SealOptions as JSON.
std::string to_json(const layers::SealOptions& options);
layers::SealOptions seal_options_from_json(std::string_view text);

}  // namespace bld::store
