#include "runtime/child_masks.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/child_mounts.h"
#include "runtime/child_report.h"

namespace bld::runtime {
namespace {

// A path of the container, and where it is looked up from.
struct Place {
  int directory;
  const char* name;
  int flags;  // of open()
};

class Masks {
 public:
  // The roots of these file systems were seen to be the kernel's.
  Masks(int proc, int sys, int null_device) : proc_(proc), sys_(sys), null_device_(null_device) {}

  bool hide(const char* path) {
    const Place place = place_of(path);
    const int target = ::openat(place.directory, place.name, place.flags);
    if (target < 0) return is_missing();

    struct stat status {};

    bool hidden = ::fstat(target, &status) == 0;
    if (!S_ISDIR(status.st_mode)) {
      hidden = hidden && bind(null_device_, "", target, "", false, 0) == 0;
    } else if (empty_ >= 0) {
      hidden = hidden && bind(empty_, "", target, "", false, 0) == 0;
    } else {
      hidden = hidden && mount_empty(place, target);
    }
    ::close(target);
    return hidden;
  }

  bool make_read_only(const char* path) const {
    const Place place = place_of(path);
    const int target = ::openat(place.directory, place.name, place.flags);
    if (target < 0) return is_missing();
    const bool done =
        bind(target, "", target, "", true,
             MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC) == 0;
    ::close(target);
    return done;
  }

 private:
  // Those of the kernel are no links. What the user named besides may be one, inside of the root.
  Place place_of(const char* path) const {
    constexpr int kFlags = O_PATH | O_CLOEXEC;
    if (std::strncmp(path, "/proc/", 6) == 0) return {proc_, path + 6, kFlags | O_NOFOLLOW};
    if (std::strncmp(path, "/sys/", 5) == 0) return {sys_, path + 5, kFlags | O_NOFOLLOW};
    return {AT_FDCWD, path, kFlags};
  }

  static bool is_missing() { return errno == ENOENT || errno == ENOTDIR; }

  // The first directory that is hidden; the others show the same one.
  bool mount_empty(const Place& place, int target) {
    if (mount_at(target, "tmpfs", kSafeFlags | MS_RDONLY, "size=0k,mode=755") != 0) return false;
    empty_ = ::openat(place.directory, place.name, place.flags);
    return empty_ >= 0;
  }

  int proc_, sys_, null_device_;
  int empty_ = -1;
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

}  // namespace

void mask_kernel_files(const ChildMemory& memory) {
  const int channel = memory.channel;
  const ChildPlan& plan = memory.plan;
  const int null_device = open_path(AT_FDCWD, "/dev/null");
  const int proc = open_kernel_root("/proc", PROC_SUPER_MAGIC);
  const int sys = open_kernel_root("/sys", SYSFS_MAGIC);
  if (null_device < 0 || proc < 0 || sys < 0) fail(channel, Stage::kMask);
  Masks masks(proc, sys, null_device);
  for (const std::string& path : plan.masked) {
    if (!masks.hide(path.c_str())) fail(channel, Stage::kMask);
  }
  for (const std::string& path : plan.read_only) {
    if (!masks.make_read_only(path.c_str())) fail(channel, Stage::kMask);
  }
  if (may_debug(plan) && !plan.masked.empty() && !masks.hide("/proc/1")) {
    fail(channel, Stage::kMask);
  }
  // The container's own group if the machine has cgroup v2 and lets us; else nothing to see.
  if (!plan.shared.cgroup &&
      mount_below(sys, "fs/cgroup", "cgroup2", kSafeFlags | MS_RDONLY, nullptr) != 0 &&
      !masks.hide("/sys/fs/cgroup")) {
    fail(channel, Stage::kMask);
  }
}

}  // namespace bld::runtime
