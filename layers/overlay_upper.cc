#include "layers/overlay_upper.h"

#include "base/rooted_dir.h"
#include "layers/file_writer.h"
#include "layers/seal.h"
#include "layers/tree_walk.h"

namespace bld::layers {

std::optional<FileEntry> prepare_upper(std::span<const std::filesystem::path> lower,
                                       const std::filesystem::path& upper) {
  if (lower.empty()) return std::nullopt;
  FileEntry root = root_entry(base::RootedDir::open(lower.front()));
  root.opaque = false;
  prepare_upper(root, upper);
  return root;
}

void prepare_upper(const FileEntry& root_below, const std::filesystem::path& upper) {
  set_metadata(base::RootedDir::open(upper).fd(), root_below);
}

bool is_unchanged(const std::filesystem::path& upper, const std::optional<FileEntry>& root_below) {
  const base::RootedDir directory = base::RootedDir::open(upper);
  if (!directory.names().empty()) return false;
  return !root_below || !root_differs(root_entry(directory), *root_below);
}

}  // namespace bld::layers
