// Snapshot → tar → diffID, in one walk.
#pragma once

#include <cstdint>
#include <optional>

#include "base/byte_stream.h"
#include "base/rooted_dir.h"
#include "image/digest.h"
#include "layers/file_entry.h"

namespace bld::layers {

struct SealedLayer {
  image::DiffId diff_id;
  std::uint64_t tar_size = 0;  // bytes
  std::uint64_t entry_count = 0;
};

struct SealOptions {
  // The root directory of the snapshot below (root_entry() of its uppermost tree). The layer says
  // something about the root only where mode, owner, xattrs or opacity differ from it. Empty: the
  // layer says nothing about the root.
  std::optional<FileEntry> parent_root;
  std::optional<std::int64_t> max_mtime;  // later times become this one
  std::optional<std::int64_t> set_mtime;  // all times become this one
};

// What becomes of a time, in seconds since 1970.
std::int64_t sealed_mtime(std::int64_t mtime, const SealOptions& options);

// Whether a root directory differs from the one below in what a layer says about it.
bool root_differs(const FileEntry& root, const FileEntry& below);

// The tar of a tree in overlay format, hashed and, where `also` is given, written to it by the
// calling thread. The same tree and options give the same bytes, today and later. The tree must not
// change meanwhile. One more thread while it runs.
SealedLayer seal(const base::RootedDir& tree, const SealOptions& options,
                 base::ByteSink* also = nullptr);

}  // namespace bld::layers
