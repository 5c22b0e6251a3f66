// Several trees as one.
#pragma once

#include <span>

#include "base/rooted_dir.h"

namespace bld::layers {

struct SquashOptions {
  // Whether the result still stands on something: then whiteouts and opacity are kept.
  bool keep_whiteouts = false;
  // Whether files may be hard links to those of the trees, which then must never change. Where a
  // link cannot be made, and without this, contents are copied (by reflink where possible).
  bool hard_links = true;
};

// Merges `trees` (newest first, overlay format) into `target`, an empty directory. Names of one
// inode stay names of one inode. Nothing is synced.
void squash(std::span<const base::RootedDir* const> trees, const base::RootedDir& target,
            const SquashOptions& options = {});

}  // namespace bld::layers
