// Overlay mounts by fuse-overlayfs, for directories that lie on an overlay themselves: the kernel's
// overlayfs takes no changes there.
#pragma once

#include <filesystem>
#include <string>

#include "base/unique_fd.h"
#include "runtime/overlay.h"

namespace bld::runtime {

bool is_on_overlay(const std::filesystem::path& directory);

// Tries it in `directory`, which has to exist. Empty: it works; else what is in the way.
std::string why_no_fuse_overlay(const std::filesystem::path& directory);

// As mount_overlay(), in another process, which ends with the mount. Whiteouts and opaque
// directories have names instead of attributes, in all of `dirs`: .wh.NAME, .wh..wh..opq. Throws
// Error.
base::UniqueFd mount_fuse_overlay(const OverlayDirs& dirs);

}  // namespace bld::runtime
