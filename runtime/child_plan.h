// What the process of a container must know: everything is decided, looked up and opened. The
// caller's thread makes it, the child interprets it.
#pragma once

#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>

#include "runtime/container_spec.h"
#include "runtime/plan_memory.h"

namespace bld::runtime {

// What a container has whatever will run in it. The child makes it before its plan is known, while
// the command before it still runs.
struct ContainerBase {
  enum class Kind : std::uint32_t {
    kContainer,
    kBundle,  // an OCI runtime makes the mounts
    kChroot,  // no namespaces, no mounts
  };
  Kind kind = Kind::kContainer;
  std::uint32_t sets_hostname = 0;
  Text hostname;
  std::uint64_t capabilities = 0;     // the bounding set
  FdSlot network = -1;                // a network namespace; -1: the launcher's
  FdSlot dev = -1;                    // a detached tmpfs: /dev, but for what is mounted in it
  List<FdSlot> cgroups;               // cgroup.procs of the groups to enter
  std::uint32_t owns_cgroup = 0;      // has a cgroup namespace
  std::uint32_t shares_ipc = 0;       // /dev/shm and /dev/mqueue are those of the host
  std::uint32_t may_mount_sysfs = 0;  // else /sys is that of the host
  std::uint32_t hides_init = 0;       // /proc/1
  Text shm_options, pts_options;
  Texts masked, read_only;  // of KernelFiles, below /proc and /sys
};

enum class MountAction : std::uint32_t {
  kAttach,   // the detached mount `source` at `target`
  kScratch,  // the detached mount `source` where only kBind reaches it; not before kDev
  kBind,     // the file or directory `source` of a scratch mount at `target`
  kProc,     // the base's /proc at `target`
  kSys,
  kDev,
};

struct MountOp {
  MountAction action = MountAction::kAttach;
  FdSlot source = -1, target = -1;
  std::uint64_t attributes = 0;  // MOUNT_ATTR_… to set, of kBind
};

struct ChildPlan {
  FdSlot root = -1;  // a detached mount, or of a chroot the directory
  // A detached tmpfs with an OCI bundle: the command is an OCI runtime that gets this bundle and
  // makes the container itself. It stays in the host's root, with the host's rights.
  FdSlot bundle = -1;
  FdSlot input = -1, output = -1, error = -1;
  FdSlot console = -1;  // takes the master of a terminal, which replaces the streams
  List<MountOp> mounts;
  Text cwd;
  Texts args, env;
  Texts programs;  // paths to try, in this order
  std::uint32_t uid = 0, gid = 0;
  List<gid_t> groups;
  std::uint64_t capabilities = 0;
  std::uint32_t no_new_privileges = 0;
  std::uint32_t umask = 022;
  Texts masked, read_only;      // of KernelFiles, those that are not the kernel's own
  List<sock_filter> filter;     // empty: none
  List<sock_filter> emulation;  // that of emulation.h, where one id is mapped; its listener comes
                                // with a Report
  List<Rlimit> rlimits;
};

// What went wrong, told by the child or the launcher. The order is that of stage_name().
enum class Stage : std::uint32_t {
  kClone,
  kCgroup,
  kNetwork,
  kHostname,
  kProc,
  kSys,
  kDev,
  kPivotRoot,
  kPlan,
  kRoot,
  kMount,  // `index` tells which of ChildPlan::mounts
  kMask,
  kBundle,
  kStdio,
  kTerminal,
  kFork,
  kLimits,
  kDirectory,
  kCapabilities,
  kGroups,
  kUser,
  kSeccomp,
  kExec,
  kChroot,
};

const char* stage_name(Stage stage);

// What comes back through the container's channel, one packet each.
struct Report {
  enum class Kind : std::uint32_t {
    kReady,      // the base is there, and the plan may come
    kFailed,     // setup: stage, index, error_number
    kEnded,      // the command: wait_status; is_empty; what it and what it started used
    kUnmounted,  // after an empty one has ended: none of its mounts is left
    kReaped,     // the container as a whole: wait_status, and the same with its init
    kListener,   // with the listener of ChildPlan::emulation as a descriptor
  };
  Kind kind = Kind::kFailed;
  Stage stage = Stage::kClone;
  std::int32_t index = 0;
  std::int32_t error_number = 0;
  std::int32_t wait_status = 0;
  bool is_empty = false;  // no process is left but the init
  std::int64_t user_us = 0, system_us = 0, max_rss_kib = 0;
  std::int64_t input_blocks = 0, output_blocks = 0;  // of 512 bytes

  void set_usage(const rusage& usage) {
    user_us = usage.ru_utime.tv_sec * 1'000'000 + usage.ru_utime.tv_usec;
    system_us = usage.ru_stime.tv_sec * 1'000'000 + usage.ru_stime.tv_usec;
    max_rss_kib = usage.ru_maxrss;
    input_blocks = usage.ru_inblock;
    output_blocks = usage.ru_oublock;
  }
};

}  // namespace bld::runtime
