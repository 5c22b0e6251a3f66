#include "runtime/seccomp.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>

#include "base/error.h"
#include "base/file_io.h"
#include "base/unique_fd.h"

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

class Policy {
 public:
  Policy() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release) {
    if (!context_) throw base::Error("seccomp: out of memory");
    check(seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)),
          "architecture");
    check(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
#if defined(__x86_64__)
    check(seccomp_arch_add(context_.get(), SCMP_ARCH_X86), "x86");
#elif defined(__aarch64__)
    check(seccomp_arch_add(context_.get(), SCMP_ARCH_ARM), "arm");
#endif
  }

  void allow(const char* name) { add(SCMP_ACT_ALLOW, name, {}); }

  void allow_if(const char* name, const scmp_arg_cmp& argument) {
    add(SCMP_ACT_ALLOW, name, {&argument, 1});
  }

  // Refuses so that libraries take the older way.
  void deny_as_missing(const char* name) { add(SCMP_ACT_ERRNO(ENOSYS), name, {}); }

  std::vector<sock_filter> compile() {
    const base::UniqueFd file(::memfd_create("bld-seccomp", MFD_CLOEXEC));
    if (!file) throw base::Error::sys("memfd_create", "seccomp");
    check(seccomp_export_bpf(context_.get(), file.get()), "export");
    if (::lseek(file.get(), 0, SEEK_SET) != 0) throw base::Error::sys("lseek", "seccomp");
    const std::string bytes = base::read_fd(file.get(), 1 << 20);
    std::vector<sock_filter> program(bytes.size() / sizeof(sock_filter));
    bytes.copy(reinterpret_cast<char*>(program.data()), bytes.size());
    return program;
  }

 private:
  void add(std::uint32_t action, const char* name, std::span<const scmp_arg_cmp> arguments) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return;  // newer than this libseccomp
    const int result = seccomp_rule_add_array(
        context_.get(), action, number, static_cast<unsigned>(arguments.size()), arguments.data());
    // A call that no listed architecture has cannot be made either.
    if (result != -EDOM && result != -EEXIST) check(result, name);
  }

  static void check(int result, const char* what) {
    if (result < 0) throw base::Error::sys("seccomp", what, -result);
  }

  std::unique_ptr<void, decltype(&seccomp_release)> context_;
};

// The highest number of a call that libseccomp knows on this architecture.
int last_known_call(std::uint32_t architecture) {
  constexpr int kBeyond = 1024;
  int last = 0;
  for (int number = 0; number < kBeyond; ++number) {
    char* name = seccomp_syscall_resolve_num_arch(architecture, number);
    if (name == nullptr) continue;
    last = number;
    std::free(name);
  }
  return last;
}

// In front of the policy: calls newer than what it knows do not exist, instead of being refused.
// Jumps in BPF are relative, so what follows needs no change.
void prepend_unknown_calls(std::vector<sock_filter>& program) {
  constexpr auto kArch = static_cast<std::uint32_t>(offsetof(seccomp_data, arch));
  constexpr auto kNumber = static_cast<std::uint32_t>(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
  constexpr std::uint32_t kNative = AUDIT_ARCH_X86_64, kNativeArch = SCMP_ARCH_X86_64;
#elif defined(__aarch64__)
  constexpr std::uint32_t kNative = AUDIT_ARCH_AARCH64, kNativeArch = SCMP_ARCH_AARCH64;
#else
  const std::uint32_t kNative = seccomp_arch_native(), kNativeArch = seccomp_arch_native();
#endif
  const auto last = static_cast<std::uint32_t>(last_known_call(kNativeArch));
  const sock_filter prologue[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kArch),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kNative, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
  };
  program.insert(program.begin(), std::begin(prologue), std::end(prologue));
}

}  // namespace

std::vector<sock_filter> compile_default_filter(const CapabilitySet& capabilities) {
  Policy policy;
  for (const char* name : kAllowed) policy.allow(name);
  for (const auto& [capability, calls] : kWithCapability) {
    if (!capabilities.has(capability)) continue;
    for (const char* name : calls) policy.allow(name);
  }
  // Execution domains that change nothing about security.
  for (const scmp_datum_t domain : {0x0U, 0x8U, 0x20000U, 0x20008U, 0xffffffffU}) {
    policy.allow_if("personality", SCMP_A0(SCMP_CMP_EQ, domain));
  }
  // Sockets to the machine that runs this one are nobody's business in a container.
  policy.allow_if("socket", SCMP_A0(SCMP_CMP_NE, AF_VSOCK));
  if (!capabilities.has("SYS_ADMIN")) {
    constexpr scmp_datum_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    policy.allow_if("clone", SCMP_A0(SCMP_CMP_MASKED_EQ, kNamespaces, 0));
  }
  // Its flags lie in memory, where no filter sees them.
  policy.deny_as_missing("clone3");
  std::vector<sock_filter> program = policy.compile();
  prepend_unknown_calls(program);
  return program;
}

}  // namespace bld::runtime
