// The files of a working container as a directory: bld mount and bld umount.
#pragma once

#include <filesystem>

#include "builder/working_container.h"
#include "runtime/overlay.h"
#include "store/store.h"

namespace bld::builder {

// Mounts it in this process's mount namespace (unless it is there already) and returns the path.
// Needs to be root of the namespace: an ordinary user calls `bld unshare` first.
std::filesystem::path mount_container(const WorkingContainer& container, store::Store& store);

// Where it is mounted in this mount namespace; empty: nowhere.
std::filesystem::path mount_point_of(const WorkingContainer& container, store::Store& store);

// False where it was not mounted. Open files keep what they have.
bool unmount_container(const WorkingContainer& container, store::Store& store);

// What to mount for a command or a copy. Where it is mounted already that view is shared: two
// overlay mounts of one upper directory do not see each other's changes.
runtime::OverlayDirs root_of(const WorkingContainer& container, store::Store& store);

}  // namespace bld::builder
