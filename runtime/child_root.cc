#include "runtime/child_root.h"

#include <fcntl.h>
#include <sys/mount.h>

#include <cerrno>

#include "runtime/child_chroot.h"
#include "runtime/child_mounts.h"
#include "runtime/child_report.h"

namespace bld::runtime {
namespace {

// Below the empty root, where nothing leads to once the container's root covers it.
int attach_to_scratch(int mount) {
  const int scratch = open_path(AT_FDCWD, "/dev");
  return scratch < 0 ? -1 : attach(mount, scratch);
}

int do_mount(const MountOp& op, const ContainerBase& base, const KernelMounts& kernel) {
  switch (op.action) {
    case MountAction::kAttach:
      return attach(op.source, op.target);
    case MountAction::kScratch:
      return attach_to_scratch(op.source);
    case MountAction::kBind:
      return bind(op.source, "", op.target, "", false, op.attributes);
    case MountAction::kProc:
      return attach(kernel.proc, op.target);
    case MountAction::kSys:
      return attach(kernel.sys, op.target);
    case MountAction::kDev:
      return attach(base.dev, op.target);
  }
  errno = EINVAL;
  return -1;
}

}  // namespace

// Upon the empty root, which stays below: to take it off would cost more than all else here. Who
// breaks out of the chroot finds nothing there, and for user namespaces it is none.
void make_root(const ChildMemory& memory, const KernelMounts& kernel) {
  const ChildPlan& plan = memory.plan.head();
  if (::move_mount(plan.root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    fail(memory.channel, Stage::kRoot);
  }
  const std::span<const MountOp> mounts = memory.plan.list(plan.mounts);
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    if (do_mount(mounts[i], memory.base.head(), kernel) != 0) {
      fail(memory.channel, Stage::kMount, static_cast<int>(i));
    }
  }
  if (enter_chroot(plan.root) != 0) fail(memory.channel, Stage::kChroot);
}

}  // namespace bld::runtime
