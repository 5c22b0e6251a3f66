#include "builder/mount_container.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "builder/snapshot.h"

namespace bld::builder {

namespace {

namespace fs = std::filesystem;

fs::path directory_of(const WorkingContainer& container, store::Store& store) {
  return store.container_dir(container.record.id) / "merged";
}

bool is_mount_root(const fs::path& path) {
  struct statx status = {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &status) != 0) {
    if (errno == ENOENT) return false;
    throw base::Error::sys("statx", path.string());
  }
  return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

base::UniqueFd mount_root(const WorkingContainer& container, store::Store& store) try {
  return runtime::mount_overlay(root_of(container, store));

} catch (base::Error& error) {
  if (error.error_number() == EPERM) error = base::Error("mounts are refused here");
  throw error.hint("bld run and bld copy work without them; what is in the way: bld doctor");
}

}  // namespace

fs::path mount_container(const WorkingContainer& container, store::Store& store) {
  if (::geteuid() != 0) {
    throw base::Error(
        "cannot mount using driver overlay in rootless mode. You need to run it in a `bld unshare` "
        "session");
  }
  const auto lock = store.lock_container(container.record.id);
  const fs::path path = directory_of(container, store);
  if (is_mount_root(path)) return path;
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    throw base::Error::sys("mkdir", path.string());
  }
  const base::UniqueFd mount = mount_root(container, store);
  if (::move_mount(mount.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    throw base::Error::sys("move_mount", path.string());
  }
  return path;
}

fs::path mount_point_of(const WorkingContainer& container, store::Store& store) {
  fs::path path = directory_of(container, store);
  return is_mount_root(path) ? path : fs::path();
}

bool unmount_container(const WorkingContainer& container, store::Store& store) {
  const fs::path path = directory_of(container, store);
  if (!is_mount_root(path)) return false;
  if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0) {
    throw base::Error::sys("umount", path.string());
  }
  return true;
}

runtime::OverlayDirs root_of(const WorkingContainer& container, store::Store& store) {
  const fs::path directory = store.container_dir(container.record.id);
  if (const fs::path mounted = mount_point_of(container, store); !mounted.empty()) {
    return {.lower = {}, .upper = mounted, .work = directory / "work"};
  }
  return {.lower = base_of(container).trees(store),
          .upper = directory / "upper",
          .work = directory / "work"};
}

}  // namespace bld::builder
