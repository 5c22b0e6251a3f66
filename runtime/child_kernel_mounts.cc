#include "runtime/child_kernel_mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/child_masks.h"
#include "runtime/child_mounts.h"
#include "runtime/child_report.h"

namespace bld::runtime {
namespace {

int mount_sys(const ContainerBase& base) {
  if (base.may_mount_sysfs != 0 &&
      ::mount("sysfs", "/sys", "sysfs", kSafeFlags | MS_RDONLY, nullptr) == 0) {
    return 0;
  }
  // A sysfs shows a network namespace, and only its owner may mount it. The copy is recursive: the
  // kernel does not let us look under what is mounted there.
  return bind(AT_FDCWD, "/sys", AT_FDCWD, "/sys", true,
              MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

// Those of the host's ipc namespace, each as far as the host has it.
int bind_shared_memory(int host_dev, int dev) {
  for (const char* name : {"shm", "mqueue"}) {
    if (bind(host_dev, name, dev, name, false,
             MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC) != 0 &&
        errno != ENOENT) {
      return -1;
    }
  }
  return 0;
}

// The host's own is still reached through a descriptor.
int mount_dev(const MappedPlan<ContainerBase>& plan) {
  const ContainerBase& base = plan.head();
  const int host = open_path(AT_FDCWD, "/dev");
  if (host < 0) return -1;
  if (::move_mount(base.dev, "", AT_FDCWD, "/dev", MOVE_MOUNT_F_EMPTY_PATH) != 0) return -1;
  for (const char* name : {"null", "zero", "full", "random", "urandom", "tty"}) {
    if (bind(host, name, base.dev, name, false, 0) == 0) continue;
    if (errno != ENOENT || ::unlinkat(base.dev, name, 0) != 0) return -1;
  }
  if (mount_below(base.dev, "pts", "devpts", MS_NOSUID | MS_NOEXEC, plan.text(base.pts_options)) !=
      0) {
    return -1;
  }
  if (base.shares_ipc != 0) return bind_shared_memory(host, base.dev);
  if (mount_below(base.dev, "shm", "tmpfs", kSafeFlags, plan.text(base.shm_options)) != 0) {
    return -1;
  }
  // A kernel may lack POSIX message queues; nobody has ever missed the mount.
  if (mount_below(base.dev, "mqueue", "mqueue", kSafeFlags, nullptr) != 0 && errno != ENODEV) {
    return -1;
  }
  return 0;
}

// A tmpfs with directories for what is moved into it; detached.
int make_empty_root() {
  const int context = ::fsopen("tmpfs", FSOPEN_CLOEXEC);
  if (context < 0 || ::fsconfig(context, FSCONFIG_SET_STRING, "mode", "755", 0) != 0 ||
      ::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return -1;
  }
  const int root =
      ::fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  ::close(context);
  if (root < 0) return -1;
  for (const char* name : {"proc", "sys", "dev"}) {
    if (::mkdirat(root, name, 0755) != 0) return -1;
  }
  return root;
}

int move_to(int mount, int directory, const char* name) {
  return ::move_mount(mount, "", directory, name, MOVE_MOUNT_F_EMPTY_PATH);
}

// The old root ends up upon the new one, and is taken off from there.
int leave_host(const KernelMounts& mounts, int dev) {
  const int root = make_empty_root();
  if (root < 0 || move_to(root, AT_FDCWD, "/") != 0 || move_to(mounts.proc, root, "proc") != 0 ||
      move_to(mounts.sys, root, "sys") != 0 || move_to(dev, root, "dev") != 0) {
    return -1;
  }
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  if (::mount_setattr(root, "", AT_EMPTY_PATH, &read_only, sizeof read_only) != 0) return -1;
  if (::fchdir(root) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0) return -1;
  return ::umount2(".", MNT_DETACH) == 0 ? ::chdir("/") : -1;
}

}  // namespace

KernelMounts make_kernel_mounts(const ChildMemory& memory) {
  if (::mount("proc", "/proc", "proc", kSafeFlags, nullptr) != 0) {
    fail(memory.channel, Stage::kProc);
  }
  if (mount_sys(memory.base.head()) != 0) fail(memory.channel, Stage::kSys);
  if (mount_dev(memory.base) != 0) fail(memory.channel, Stage::kDev);
  const KernelMounts mounts{open_path(AT_FDCWD, "/proc"), open_path(AT_FDCWD, "/sys")};
  if (mounts.proc < 0 || mounts.sys < 0) fail(memory.channel, Stage::kMask);
  mask_kernel_files(memory, mounts);
  if (leave_host(mounts, memory.base.head().dev) != 0) fail(memory.channel, Stage::kPivotRoot);
  return mounts;
}

}  // namespace bld::runtime
