#include "runtime/child_root.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/child_mounts.h"
#include "runtime/child_report.h"

namespace bld::runtime {
namespace {

int mount_sys(const MountOp& op) {
  if (op.action == MountAction::kSysNew &&
      mount_at(op.target, "sysfs", kSafeFlags | MS_RDONLY, nullptr) == 0) {
    return 0;
  }
  // A sysfs shows a network namespace, and only its owner may mount it. The copy is recursive: the
  // kernel does not let us look under what is mounted there.
  return bind(AT_FDCWD, "/sys", op.target, "", true,
              MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

// Those of the host's ipc namespace, each as far as the host has it.
int bind_shared_memory(int dev) {
  constexpr const char* kDirectories[][2] = {{"/dev/shm", "shm"}, {"/dev/mqueue", "mqueue"}};
  for (const auto& [host, name] : kDirectories) {
    if (bind(AT_FDCWD, host, dev, name, false,
             MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC) != 0 &&
        errno != ENOENT) {
      return -1;
    }
  }
  return 0;
}

int mount_dev(const MountOp& op, const ChildPlan& plan) {
  if (attach(op.source, op.target) != 0) return -1;
  constexpr const char* kDevices[][2] = {{"/dev/null", "null"},       {"/dev/zero", "zero"},
                                         {"/dev/full", "full"},       {"/dev/random", "random"},
                                         {"/dev/urandom", "urandom"}, {"/dev/tty", "tty"}};
  for (const auto& [host, name] : kDevices) {
    if (bind(AT_FDCWD, host, op.source, name, false, 0) == 0) continue;
    if (errno != ENOENT || ::unlinkat(op.source, name, 0) != 0) return -1;
  }
  if (mount_below(op.source, "pts", "devpts", MS_NOSUID | MS_NOEXEC, plan.pts_options.c_str()) !=
      0) {
    return -1;
  }
  if (op.action == MountAction::kDevHost) return bind_shared_memory(op.source);
  if (mount_below(op.source, "shm", "tmpfs", kSafeFlags, plan.shm_options.c_str()) != 0) return -1;
  // A kernel may lack POSIX message queues; nobody has ever missed the mount.
  if (mount_below(op.source, "mqueue", "mqueue", kSafeFlags, nullptr) != 0 && errno != ENODEV) {
    return -1;
  }
  return 0;
}

int do_mount(const MountOp& op, const ChildPlan& plan, int scratch) {
  switch (op.action) {
    case MountAction::kAttach:
      return attach(op.source, op.target);
    case MountAction::kScratch:
      return attach(op.source, scratch);
    case MountAction::kBind:
      return bind(op.source, "", op.target, "", false, op.attributes);
    case MountAction::kProc:
      return mount_at(op.target, "proc", kSafeFlags, nullptr);
    case MountAction::kSysNew:
    case MountAction::kSysHost:
      return mount_sys(op);
    case MountAction::kDev:
    case MountAction::kDevHost:
      return mount_dev(op, plan);
  }
  errno = EINVAL;
  return -1;
}

}  // namespace

// The tree is complete before the root changes: until then the paths of the host are at hand, and
// the kernel allows a new proc only where one is to be seen.
void make_root(const ChildMemory& memory) {
  const ChildPlan& plan = memory.plan;
  // Where helper mounts go: in the old root, with which they vanish.
  const int scratch = ::open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (scratch < 0) fail(memory.channel, Stage::kRoot);
  if (::move_mount(plan.root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    fail(memory.channel, Stage::kRoot);
  }
  for (std::size_t i = 0; i < plan.mounts.size(); ++i) {
    if (do_mount(plan.mounts[i], plan, scratch) != 0) {
      fail(memory.channel, Stage::kMount, static_cast<int>(i));
    }
  }
  // The old root ends up upon the new one, and is taken off from there: no directory is needed.
  if (::fchdir(plan.root) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0) {
    fail(memory.channel, Stage::kPivotRoot);
  }
  if (::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) {
    fail(memory.channel, Stage::kDetachOldRoot);
  }
}

}  // namespace bld::runtime
