// Layer → snapshot: decompress, hash and extract in one pass; never outside of the target.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/byte_stream.h"
#include "base/rooted_dir.h"
#include "image/digest.h"
#include "layers/tar_reader.h"

namespace bld::layers {

struct ApplyOptions {
  // The trees below, uppermost first. A directory that the layer needs but does not mention looks
  // as it does there; without them, or where they have none, it is root's with mode 0755.
  std::vector<const base::RootedDir*> parents;
  // Compared at the end; a difference is an Error.
  std::optional<image::DiffId> expected_diff_id;
  // What must stay free on the file system of the target.
  std::uint64_t reserve_bytes = 64 << 20;
  TarLimits limits;
};

struct AppliedLayer {
  image::DiffId diff_id;
  std::uint64_t tar_size = 0;  // bytes, uncompressed
  std::uint64_t entry_count = 0;
  std::uint64_t skipped_devices = 0;  // device nodes, which are not made
  // Whether a directory other than the root was made that the layer does not mention: the tree
  // depends on the parents then.
  bool implied_parents = false;
};

// Extracts `blob` (tar, or tar in gzip or zstd, known by its magic) into `target`, an empty
// directory, in overlay format. The blob is read to its end by a thread of apply()'s own; to verify
// its digest too, hand in a source that hashes. Nothing is synced. After a failure the target holds
// a part and is to be removed. The root directory of the target gets the look of the layer's root
// entry, or of the uppermost parent's root.
AppliedLayer apply(base::ByteSource& blob, const base::RootedDir& target,
                   const ApplyOptions& options = {});

}  // namespace bld::layers
