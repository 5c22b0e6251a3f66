#include "runtime/child_masks.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/child_mounts.h"
#include "runtime/child_report.h"
#include "runtime/kernel_files.h"

namespace bld::runtime {
namespace {

// Hides what is below one of the kernel's own file systems. All names are relative to its root,
// which was seen to be the kernel's.
class Masks {
 public:
  // `empty` is shared: the first directory that was hidden, by an empty, read-only tmpfs.
  Masks(int root, int null_device, int& empty)
      : root_(root), null_device_(null_device), empty_(empty) {}

  bool hide(const char* name) {
    struct stat status {};

    if (::fstatat(root_, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return true;  // nothing to hide
    if (!S_ISDIR(status.st_mode)) return bind(null_device_, "", root_, name, false, 0) == 0;
    if (empty_ >= 0) return bind(empty_, "", root_, name, false, 0) == 0;
    if (mount_below(root_, name, "tmpfs", kSafeFlags | MS_RDONLY, "size=0k,mode=755") != 0) {
      return false;
    }
    empty_ = open_path(root_, name);
    return empty_ >= 0;
  }

  bool make_read_only(const char* name) {
    if (::faccessat(root_, name, F_OK, 0) != 0) return true;
    return bind(root_, name, root_, name, true,
                MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC) == 0;
  }

 private:
  int root_, null_device_;
  int& empty_;
};

// The root directory of a mount of this kind, or -1.
int open_kernel_root(const char* path, long type) {
  const int root = ::open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  struct statfs status {};

  if (root < 0 || ::fstatfs(root, &status) != 0) return -1;
  if (status.f_type != type) {
    errno = EINVAL;
    return -1;
  }
  return root;
}

bool hide_cpu_throttling(Masks& masks, long processors) {
  for (long cpu = 0; cpu < processors; ++cpu) {
    // snprintf may allocate: the number is written by hand.
    char name[64] = "devices/system/cpu/cpu";
    std::size_t end = std::strlen(name);
    const std::size_t start = end;
    long rest = cpu;
    do {
      name[end++] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
    std::reverse(name + start, name + end);
    std::strcpy(name + end, "/thermal_throttle");
    if (!masks.hide(name)) return false;
  }
  return true;
}

}  // namespace

void mask_kernel_files(const ChildMemory& memory) {
  const int channel = memory.channel;
  const bool shows_host_groups = memory.plan.shared.cgroup;
  const int null_device = open_path(AT_FDCWD, "/dev/null");
  const int proc = open_kernel_root("/proc", PROC_SUPER_MAGIC);
  const int sys = open_kernel_root("/sys", SYSFS_MAGIC);
  if (null_device < 0 || proc < 0 || sys < 0) fail(channel, Stage::kMask);
  int empty = -1;
  Masks in_proc(proc, null_device, empty), in_sys(sys, null_device, empty);
  for (const char* name : kHiddenInProc) {
    if (!in_proc.hide(name)) fail(channel, Stage::kMask);
  }
  for (const char* name : kReadOnlyInProc) {
    if (!in_proc.make_read_only(name)) fail(channel, Stage::kMask);
  }
  for (const char* name : kHiddenInSys) {
    if (!in_sys.hide(name)) fail(channel, Stage::kMask);
  }
  if (may_debug(memory.plan) && !in_proc.hide("1")) fail(channel, Stage::kMask);
  if (!hide_cpu_throttling(in_sys, memory.processors)) fail(channel, Stage::kMask);
  // The container's own group if the machine has cgroup v2 and lets us; else nothing to see.
  if (!shows_host_groups &&
      mount_below(sys, "fs/cgroup", "cgroup2", kSafeFlags | MS_RDONLY, nullptr) != 0 &&
      !in_sys.hide("fs/cgroup")) {
    fail(channel, Stage::kMask);
  }
}

}  // namespace bld::runtime
