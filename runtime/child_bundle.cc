#include "runtime/child_bundle.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "runtime/child_mounts.h"

namespace bld::runtime {
namespace {

bool attach_mounts(const MappedPlan<ChildPlan>& plan) {
  const int scratch = open_path(plan.head().bundle, "scratch");
  if (scratch < 0) return false;
  for (const MountOp& op : plan.list(plan.head().mounts)) {
    switch (op.action) {
      case MountAction::kAttach:
        if (attach(op.source, op.target) != 0) return false;
        break;
      case MountAction::kScratch:
        if (attach(op.source, scratch) != 0) return false;
        break;
      case MountAction::kBind:
        if (bind(op.source, "", op.target, "", false, op.attributes) != 0) return false;
        break;
      default:
        break;  // the runtime's own work
    }
  }
  return true;
}

// Read-only, all of them. Where version 1 has the controllers, the mount of version 2 is only for
// systemd, and crun refuses to work beside it: it is covered.
bool settle_control_groups(int empty) {
  constexpr const char* kGroups = "/sys/fs/cgroup";
  constexpr const char* kUnified = "/sys/fs/cgroup/unified";

  struct statfs status {};

  const int unified = ::open(kUnified, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (unified >= 0 && ::fstatfs(unified, &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC &&
      bind(empty, "", unified, "", false, 0) != 0) {
    return false;
  }
  if (::faccessat(AT_FDCWD, kGroups, F_OK, 0) != 0) return true;
  if (::mount(kGroups, kGroups, nullptr, MS_BIND | MS_REC, nullptr) != 0) return false;
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  return ::mount_setattr(AT_FDCWD, kGroups, AT_RECURSIVE, &read_only, sizeof read_only) == 0;
}

}  // namespace

bool lay_out_bundle(const MappedPlan<ChildPlan>& mapped) {
  const ChildPlan& plan = mapped.head();
  if (::move_mount(plan.bundle, "", AT_FDCWD, kBundleDirectory, MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return false;
  }
  const int root = open_path(plan.bundle, "rootfs");
  const int empty = open_path(plan.bundle, "empty");
  if (root < 0 || empty < 0 || attach(plan.root, root) != 0 || !attach_mounts(mapped)) return false;
  if (!settle_control_groups(empty)) return false;
  return ::mount("proc", "/proc", "proc", kSafeFlags, nullptr) == 0;
}

}  // namespace bld::runtime
