#include "runtime/seccomp.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "runtime/syscall_tree.h"

namespace bld::runtime {
namespace {

// Allowed to everybody. A name that this architecture does not have is passed over.
constexpr const char* kAllowed[] = {
    // Files and directories.
    "access", "chdir", "chmod", "chown", "chown32", "close", "close_range", "copy_file_range",
    "creat", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fadvise64_64",
    "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchown32", "fchownat",
    "fcntl", "fcntl64", "fdatasync", "flock", "fstat", "fstat64", "fstatat64", "fstatfs",
    "fstatfs64", "fsync", "ftruncate", "ftruncate64", "futimesat", "getcwd", "getdents",
    "getdents64", "ioctl", "lchown", "lchown32", "link", "linkat", "llseek", "_llseek", "lseek",
    "lstat", "lstat64", "mkdir", "mkdirat", "mknod", "mknodat", "name_to_handle_at", "newfstatat",
    "open", "openat", "openat2", "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2",
    "read", "readahead", "readlink", "readlinkat", "readv", "rename", "renameat", "renameat2",
    "rmdir", "sendfile", "sendfile64", "splice", "stat", "stat64", "statfs", "statfs64", "statx",
    "symlink", "symlinkat", "sync", "sync_file_range", "sync_file_range2", "syncfs", "tee",
    "truncate", "truncate64", "umask", "unlink", "unlinkat", "utime", "utimensat",
    "utimensat_time64", "utimes", "vmsplice", "write", "writev", "cachestat",
    // Extended attributes.
    "fgetxattr", "flistxattr", "fremovexattr", "fsetxattr", "getxattr", "getxattrat", "lgetxattr",
    "listxattr", "listxattrat", "llistxattr", "lremovexattr", "lsetxattr", "removexattr",
    "removexattrat", "setxattr", "setxattrat",
    // Descriptors, polling, notification.
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait", "epoll_pwait2",
    "epoll_wait", "epoll_wait_old", "eventfd", "eventfd2", "fanotify_mark", "inotify_add_watch",
    "inotify_init", "inotify_init1", "inotify_rm_watch", "_newselect", "pipe", "pipe2", "poll",
    "ppoll", "ppoll_time64", "pselect6", "pselect6_time64", "select", "signalfd", "signalfd4",
    "timerfd_create", "timerfd_gettime", "timerfd_gettime64", "timerfd_settime",
    "timerfd_settime64", "io_cancel", "io_destroy", "io_getevents", "io_pgetevents",
    "io_pgetevents_time64", "io_setup", "io_submit",
    // Memory.
    "brk", "madvise", "process_madvise", "process_mrelease", "membarrier", "memfd_create",
    "memfd_secret", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mmap2", "mprotect", "mremap",
    "mseal", "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect",
    "remap_file_pages", "map_shadow_stack",
    // Processes and threads.
    "arch_prctl", "capget", "capset", "execve", "execveat", "exit", "exit_group", "fork", "futex",
    "futex_time64", "futex_requeue", "futex_wait", "futex_waitv", "futex_wake", "get_robust_list",
    "get_thread_area", "getcpu", "getegid", "getegid32", "geteuid", "geteuid32", "getgid",
    "getgid32", "getgroups", "getgroups32", "getpgid", "getpgrp", "getpid", "getppid",
    "getpriority", "getresgid", "getresgid32", "getresuid", "getresuid32", "getrlimit", "getrusage",
    "getsid", "gettid", "getuid", "getuid32", "ioprio_get", "ioprio_set", "landlock_add_rule",
    "landlock_create_ruleset", "landlock_restrict_self", "modify_ldt", "pidfd_open",
    "pidfd_send_signal", "prctl", "prlimit64", "process_vm_readv", "process_vm_writev", "ptrace",
    "restart_syscall", "rseq", "sched_get_priority_max", "sched_get_priority_min",
    "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_getscheduler",
    "sched_rr_get_interval", "sched_rr_get_interval_time64", "sched_setaffinity", "sched_setattr",
    "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp", "set_robust_list",
    "set_thread_area", "set_tid_address", "setfsgid", "setfsgid32", "setfsuid", "setfsuid32",
    "setgid", "setgid32", "setgroups", "setgroups32", "setpgid", "setpriority", "setregid",
    "setregid32", "setresgid", "setresgid32", "setresuid", "setresuid32", "setreuid", "setreuid32",
    "setrlimit", "setsid", "setuid", "setuid32", "sysinfo", "tgkill", "times", "tkill",
    "ugetrlimit", "uname", "uretprobe", "vfork", "wait4", "waitid", "waitpid", "getrandom",
    "riscv_hwprobe", "riscv_flush_icache",
    // Signals.
    "kill", "pause", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo",
    "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64",
    "rt_tgsigqueueinfo", "sigaction", "sigaltstack", "signal", "sigpending", "sigprocmask",
    "sigreturn", "sigsuspend",
    // Timers and reading clocks.
    "alarm", "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64",
    "clock_nanosleep", "clock_nanosleep_time64", "getitimer", "gettimeofday", "nanosleep",
    "setitimer", "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime",
    "timer_gettime64", "timer_settime", "timer_settime64", "adjtimex", "clock_adjtime",
    "clock_adjtime64",
    // Between processes.
    "ipc", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedreceive_time64",
    "mq_timedsend", "mq_timedsend_time64", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd",
    "semctl", "semget", "semop", "semtimedop", "semtimedop_time64", "shmat", "shmctl", "shmdt",
    "shmget",
    // Sockets; "socket" itself is below.
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen",
    "recv", "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg",
    "sendto", "setsockopt", "shutdown", "socketcall", "socketpair"};

// Allowed with one capability more, or with one of the default set.
struct WithCapability {
  const char* capability;
  std::initializer_list<const char*> calls;
};

constexpr std::array<WithCapability, 12> kWithCapability = {{
    {"SYS_ADMIN",
     {"bpf",      "clone",       "fanotify_init", "fsconfig",    "fsmount",   "fsopen",
      "fspick",   "mount",       "mount_setattr", "move_mount",  "open_tree", "perf_event_open",
      "quotactl", "quotactl_fd", "setdomainname", "sethostname", "setns",     "syslog",
      "umount",   "umount2",     "unshare",       "listmount",   "statmount"}},
    {"DAC_READ_SEARCH", {"open_by_handle_at"}},
    {"SYS_BOOT", {"reboot", "kexec_load", "kexec_file_load"}},
    {"SYS_CHROOT", {"chroot"}},
    {"SYS_MODULE", {"delete_module", "init_module", "finit_module"}},
    {"SYS_PACCT", {"acct"}},
    {"SYS_PTRACE", {"kcmp", "pidfd_getfd"}},
    {"SYS_RAWIO", {"iopl", "ioperm"}},
    {"SYS_TIME", {"settimeofday", "stime", "clock_settime", "clock_settime64"}},
    {"SYS_TTY_CONFIG", {"vhangup"}},
    {"SYS_NICE", {"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"}},
    {"SYSLOG", {"syslog"}},
}};

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kRefuse = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kMissing = SECCOMP_RET_ERRNO | ENOSYS;

Decision always(std::uint32_t result) {
  Decision decision;
  decision.result = result;
  return decision;
}

// Allowed if the test of the first argument holds, else refused.
Decision allow_if(Decision::Test test, std::vector<std::uint32_t> operands) {
  return {test, kAllow, kRefuse, std::move(operands)};
}

// libseccomp knows the numbers of the calls on each architecture.
class Policy {
 public:
  Policy() {
#if defined(__x86_64__)
    add_architecture(SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64);
    add_architecture(SCMP_ARCH_X86, AUDIT_ARCH_I386);
#elif defined(__aarch64__)
    add_architecture(SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64);
    add_architecture(SCMP_ARCH_ARM, AUDIT_ARCH_ARM);
#else
    // The values are the same by libseccomp's definition.
    add_architecture(seccomp_arch_native(), seccomp_arch_native());
#endif
  }

  // A name that an architecture does not have is passed over.
  void set(const char* name, const Decision& decision) {
    for (std::size_t i = 0; i < architectures_.size(); ++i) {
      const int number = seccomp_syscall_resolve_name_arch(tokens_[i], name);
      if (number < 0) continue;
      architectures_[i].calls[static_cast<std::uint32_t>(number)] = decision;
    }
  }

  std::vector<sock_filter> compile() const { return build_filter(architectures_, kMissing); }

  SeccompPolicy in_words() const;

 private:
  void add_architecture(std::uint32_t token, std::uint32_t audit_arch) {
    tokens_.push_back(token);
    architectures_.push_back({audit_arch, {}, last_known_call(token), always(kRefuse)});
  }

  // The highest number of a call that libseccomp knows.
  static std::uint32_t last_known_call(std::uint32_t token) {
    for (int number = 1024; number > 0; --number) {
      char* name = seccomp_syscall_resolve_num_arch(token, number);
      if (name == nullptr) continue;
      std::free(name);
      return static_cast<std::uint32_t>(number);
    }
    return 0;
  }

  std::vector<std::uint32_t> tokens_;  // SCMP_ARCH_…
  std::vector<Architecture> architectures_;
};

SeccompPolicy::Action action_of(std::uint32_t result) {
  if (result == kAllow) return {.name = "SCMP_ACT_ALLOW"};
  return {.name = "SCMP_ACT_ERRNO", .error = result & SECCOMP_RET_DATA};
}

// What its first argument decides. "One of these, else refused" cannot be said in whole: all else
// gets the default action.
void add_tests(std::vector<SeccompPolicy::Rule>& rules, const std::string& name,
               const Decision& decision) {
  const auto add = [&](std::uint32_t result, const char* comparison, std::uint64_t value,
                       std::uint64_t second) {
    rules.push_back(
        {{name},
         action_of(result),
         {{.index = 0, .comparison = comparison, .value = value, .second_value = second}}});
  };
  for (const std::uint32_t operand : decision.operands) {
    if (decision.test == Decision::Test::kEqualsOneOf) {
      add(decision.result, "SCMP_CMP_EQ", operand, 0);
    } else if (decision.test == Decision::Test::kNotEqual) {
      add(decision.result, "SCMP_CMP_NE", operand, 0);
      add(decision.otherwise, "SCMP_CMP_EQ", operand, 0);
    } else {
      add(decision.result, "SCMP_CMP_MASKED_EQ", operand, 0);
      for (std::uint32_t bit = 1; bit != 0; bit <<= 1) {
        if ((operand & bit) != 0) add(decision.otherwise, "SCMP_CMP_MASKED_EQ", bit, bit);
      }
    }
  }
}

// By name, as each architecture's reader finds its numbers. A call that is known and has no rule is
// refused by name, so that the default can be that a call does not exist.
SeccompPolicy Policy::in_words() const {
  SeccompPolicy policy;
  policy.default_action = action_of(kMissing);
  std::map<std::string, Decision> decisions;
  for (std::size_t i = 0; i < architectures_.size(); ++i) {
    for (std::uint32_t number = 0; number <= architectures_[i].last_known; ++number) {
      const std::unique_ptr<char, decltype(&std::free)> name(
          seccomp_syscall_resolve_num_arch(tokens_[i], static_cast<int>(number)), std::free);
      if (!name) continue;
      const auto found = architectures_[i].calls.find(number);
      decisions.emplace(name.get(),
                        found == architectures_[i].calls.end() ? always(kRefuse) : found->second);
    }
  }
  SeccompPolicy::Rule allowed{{}, action_of(kAllow), {}}, refused{{}, action_of(kRefuse), {}};
  for (const auto& [name, decision] : decisions) {
    if (decision.test != Decision::Test::kNone) {
      add_tests(policy.rules, name, decision);
    } else if (decision.result == kAllow) {
      allowed.names.push_back(name);
    } else if (decision.result == kRefuse) {
      refused.names.push_back(name);
    }
  }
  policy.rules.push_back(std::move(allowed));
  policy.rules.push_back(std::move(refused));
  return policy;
}

Policy default_policy(const CapabilitySet& capabilities) {
  Policy policy;
  for (const char* name : kAllowed) policy.set(name, always(kAllow));
  for (const auto& [capability, calls] : kWithCapability) {
    if (!capabilities.has(capability)) continue;
    for (const char* name : calls) policy.set(name, always(kAllow));
  }
  using Test = Decision::Test;
  // Execution domains that change nothing about security.
  policy.set("personality", allow_if(Test::kEqualsOneOf, {0x0, 0x8, 0x20000, 0x20008, 0xffffffff}));
  // Sockets to the machine that runs this one are nobody's business in a container.
  policy.set("socket", allow_if(Test::kNotEqual, {AF_VSOCK}));
  if (!capabilities.has("SYS_ADMIN")) {
    policy.set("clone", allow_if(Test::kMaskedZero,
                                 {CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                  CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET}));
  }
  // Its flags lie in memory, where no filter sees them.
  policy.set("clone3", always(kMissing));
  return policy;
}

}  // namespace

std::vector<sock_filter> compile_default_filter(const CapabilitySet& capabilities) {
  return default_policy(capabilities).compile();
}

SeccompPolicy default_seccomp_policy(const CapabilitySet& capabilities) {
  return default_policy(capabilities).in_words();
}

}  // namespace bld::runtime
