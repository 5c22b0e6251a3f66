// Overlay mounts that no path leads to: a descriptor is all there is of one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/unique_fd.h"

namespace bld::runtime {

struct OverlayDirs {
  std::vector<std::filesystem::path> lower;  // uppermost first
  std::filesystem::path upper, work;         // both empty: a read-only view of `lower`
};

enum class OverlayApi {
  kBest,       // fsopen with lowerdir+ (Linux 6.5), else the next
  kMountOnly,  // mount(2) and one page of options; for tests
  kFuse,       // another process: see fuse_overlay.h
};

// Mounts, in our mount namespace's user namespace but attached nowhere, and returns the mount: a
// root to open paths in (base::RootedDir takes it), or a source for a container's mounts. It ends
// when the descriptor, and all that was opened below it, is closed. Always with userxattr, also as
// root, so that both read and write the same store. No setuid is lost; devices do not work.
// Nothing that is written is synced to disk by the mount or by an fsync() in it ("volatile"): who
// keeps the upper directory syncs its file system. Without an upper directory one lower alone is a
// read-only bind. Throws Error.
base::UniqueFd mount_overlay(const OverlayDirs& dirs, OverlayApi api = OverlayApi::kBest);

// A new, empty tmpfs in the same manner. `size_bytes` 0: the kernel's default.
base::UniqueFd mount_tmpfs(std::uint64_t size_bytes, mode_t mode);

// A detached copy of the mount at an opened file or directory.
base::UniqueFd clone_mount(int fd, bool recursive);

}  // namespace bld::runtime
