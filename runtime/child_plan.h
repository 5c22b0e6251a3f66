// What the launcher must know to start one container: everything is decided, looked up and opened.
// The caller's thread makes it, the launcher receives it, the child interprets it.
#pragma once

#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/container_spec.h"

namespace bld::runtime {

// A descriptor's place in the list that goes to the launcher; there it is the descriptor itself.
using FdSlot = std::int32_t;

enum class MountAction : std::uint32_t {
  kAttach,   // the detached mount `source` at `target`
  kScratch,  // the detached mount `source` where only kBind reaches it
  kBind,     // the file or directory `source` of a scratch mount at `target`
  kProc,     // a new procfs at `target`
  kSysNew,   // a new sysfs at `target`, or that of the host if the kernel refuses
  kSysHost,  // the sysfs of the host at `target`
  kDev,      // the detached tmpfs `source` at `target`, with devices, pts, shm and mqueue
  kDevHost,  // as kDev, with the host's shm and mqueue
};

struct MountOp {
  MountAction action = MountAction::kAttach;
  FdSlot source = -1, target = -1;
  std::uint64_t attributes = 0;  // MOUNT_ATTR_… to set, of kBind
};

struct ChildPlan {
  FdSlot root = -1;  // a detached mount, or of a chroot the directory
  bool is_chroot = false;
  // A detached tmpfs with an OCI bundle: the command is an OCI runtime that gets this bundle and
  // makes the container itself. It stays in the host's root, with the host's rights.
  FdSlot bundle = -1;
  FdSlot network = -1;  // a network namespace; -1: the launcher's
  FdSlot input = -1, output = -1, error = -1;
  FdSlot console = -1;          // takes the master of a terminal, which replaces the streams
  std::vector<FdSlot> cgroups;  // cgroup.procs of the groups to enter
  std::vector<MountOp> mounts;
  std::string hostname, cwd, shm_options, pts_options;
  std::vector<std::string> args, env;
  std::vector<std::string> programs;  // paths to try, in this order
  std::uint32_t uid = 0, gid = 0;
  std::vector<gid_t> groups;
  std::uint64_t capabilities = 0;
  bool no_new_privileges = false;
  std::vector<std::string> masked, read_only;  // of KernelFiles
  std::vector<sock_filter> filter;             // empty: none
  std::vector<sock_filter> emulation;  // that of emulation.h, where one id is mapped; its listener
                                       // comes with a Report
  std::vector<Rlimit> rlimits;
  std::uint32_t umask = 022;
  SharedNamespaces shared;
};

std::string encode(const ChildPlan& plan);
ChildPlan decode(std::string_view bytes);  // of encode() of this same program

// What went wrong, told by the child or the launcher. The order is that of stage_name().
enum class Stage : std::uint32_t {
  kClone,
  kCgroup,
  kNetwork,
  kHostname,
  kRoot,
  kMount,  // `index` tells which of ChildPlan::mounts
  kPivotRoot,
  kDetachOldRoot,
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
    kFailed,    // setup: stage, index, error_number
    kEnded,     // the command: wait_status; is_empty; what it and what it started used
    kReaped,    // the container as a whole: wait_status, and the same with its init
    kListener,  // with the listener of ChildPlan::emulation as a descriptor
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
