// The directory that takes the changes of one step upon a stack of trees.
#pragma once

#include <filesystem>
#include <optional>
#include <span>

#include "layers/file_entry.h"

namespace bld::layers {

// Gives `upper`, an empty directory, the mode, owner and attributes of the root below: overlayfs
// shows the upper directory's as those of the merged root. `lower` are the trees below, uppermost
// first. Returns that root, for SealOptions::parent_root; nothing where there is no tree below.
std::optional<FileEntry> prepare_upper(std::span<const std::filesystem::path> lower,
                                       const std::filesystem::path& upper);

// The same with the root below looked up already.
void prepare_upper(const FileEntry& root_below, const std::filesystem::path& upper);

// Whether nothing was changed since prepare_upper() gave `root_below`.
bool is_unchanged(const std::filesystem::path& upper, const std::optional<FileEntry>& root_below);

}  // namespace bld::layers
