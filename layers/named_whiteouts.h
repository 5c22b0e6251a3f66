// A tree in the spelling of fuse-overlayfs, which it reads and writes where nobody can make the
// kernel's whiteouts: .wh.NAME hides NAME, .wh..wh..opq makes its directory opaque.
#pragma once

#include <span>

#include "base/rooted_dir.h"

namespace bld::layers {

// Whether there is anything to spell: a whiteout or an opaque directory.
bool has_whiteouts(const base::RootedDir& tree);

// From overlay format, or our marks, to names; in place. No time changes.
void name_whiteouts(const base::RootedDir& tree);

// The way back, also where it was gone in part. fuse-overlayfs makes each new directory opaque;
// one that hides nothing of `lower` (uppermost first, overlay format) is not opaque any more.
void unname_whiteouts(const base::RootedDir& tree, std::span<const base::RootedDir* const> lower);

}  // namespace bld::layers
