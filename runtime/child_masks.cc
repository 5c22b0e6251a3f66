#include "runtime/child_masks.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
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
  // Of -1 no path is named.
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
    if (proc_ >= 0 && std::strncmp(path, "/proc/", 6) == 0) {
      return {proc_, path + 6, kFlags | O_NOFOLLOW};
    }
    if (sys_ >= 0 && std::strncmp(path, "/sys/", 5) == 0) {
      return {sys_, path + 5, kFlags | O_NOFOLLOW};
    }
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

template <typename Plan>
void apply(Masks& masks, const Plan& plan, int channel) {
  for (const std::uintptr_t path : plan.list(plan.head().masked)) {
    if (!masks.hide(plan.text(path))) fail(channel, Stage::kMask);
  }
  for (const std::uintptr_t path : plan.list(plan.head().read_only)) {
    if (!masks.make_read_only(plan.text(path))) fail(channel, Stage::kMask);
  }
}

}  // namespace

void mask_kernel_files(const ChildMemory& memory, const KernelMounts& mounts) {
  const ContainerBase& base = memory.base.head();
  const int null_device = open_path(base.dev, "null");
  if (null_device < 0) fail(memory.channel, Stage::kMask);
  Masks masks(mounts.proc, mounts.sys, null_device);
  apply(masks, memory.base, memory.channel);
  if (base.hides_init != 0 && !masks.hide("/proc/1")) fail(memory.channel, Stage::kMask);
  // The container's own group if the machine has cgroup v2 and lets us; else nothing to see.
  if (base.owns_cgroup != 0 &&
      mount_below(mounts.sys, "fs/cgroup", "cgroup2", kSafeFlags | MS_RDONLY, nullptr) != 0 &&
      !masks.hide("/sys/fs/cgroup")) {
    fail(memory.channel, Stage::kMask);
  }
}

void mask_files(const ChildMemory& memory) {
  const ChildPlan& plan = memory.plan.head();
  if (plan.masked.empty() && plan.read_only.empty()) return;
  const int null_device = open_path(AT_FDCWD, "/dev/null");
  if (null_device < 0) fail(memory.channel, Stage::kMask);
  Masks masks(-1, -1, null_device);
  apply(masks, memory.plan, memory.channel);
}

}  // namespace bld::runtime
