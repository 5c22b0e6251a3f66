#include "runtime/child_setup.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <span>

#include "base/packet.h"
#include "runtime/child_bundle.h"
#include "runtime/child_chroot.h"
#include "runtime/child_kernel_mounts.h"
#include "runtime/child_masks.h"
#include "runtime/child_mounts.h"
#include "runtime/child_receive.h"
#include "runtime/child_report.h"
#include "runtime/child_root.h"

namespace bld::runtime {
namespace {

bool is_chroot(const ChildMemory& memory) {
  return memory.base.head().kind == ContainerBase::Kind::kChroot;
}

// A user other than root could not open /dev/stdout again: a pipe belongs to who made it.
void own_pipe(int fd, const ChildPlan& plan) {
  struct stat status {};

  if (plan.uid != 0 && ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode)) {
    (void)!::fchown(fd, plan.uid, static_cast<gid_t>(-1));
  }
}

// Descriptors 0, 1 and 2 of this process are the launcher's /dev/null, so that none of the plan's
// is one of them.
void set_standard_streams(const ChildMemory& memory) {
  const ChildPlan& plan = memory.plan.head();
  const int null_device = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null_device < 0) fail(memory.channel, Stage::kStdio);
  const int streams[] = {plan.input, plan.output, plan.error};
  for (int fd = 0; fd < 3; ++fd) {
    if (::dup2(streams[fd] >= 0 ? streams[fd] : null_device, fd) < 0) {
      fail(memory.channel, Stage::kStdio);
    }
    own_pipe(fd, plan);
  }
}

// Until something comes, or the other side is closed.
void wait_for_answer(int socket) {
  pollfd watched{socket, POLLIN, 0};
  while (::poll(&watched, 1, -1) < 0 && errno == EINTR) continue;
}

// A terminal of the container's own devpts, so that its name means something inside. An OCI runtime
// makes that one itself and gets one of the host's, as a chroot does.
void open_terminal(const ChildMemory& memory) {
  const ChildPlan& plan = memory.plan.head();
  const bool of_host = plan.bundle >= 0 || is_chroot(memory);
  const char* device = of_host ? "/dev/ptmx" : "/dev/pts/ptmx";
  const int master = ::open(device, O_RDWR | O_NOCTTY | O_CLOEXEC);
  int locked = 0;
  if (master < 0 || ::ioctl(master, TIOCSPTLCK, &locked) != 0) {
    fail(memory.channel, Stage::kTerminal);
  }
  const int slave = ::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0 || ::fchown(slave, plan.uid, static_cast<gid_t>(-1)) != 0 ||
      !base::send_packet(plan.console, "", 1, {&master, 1})) {
    fail(memory.channel, Stage::kTerminal);
  }
  ::close(master);
  wait_for_answer(plan.console);
  for (int fd = 0; fd < 3; ++fd) {
    if (::dup2(slave, fd) < 0) fail(memory.channel, Stage::kTerminal);
  }
}

int set_capabilities(std::uint64_t bits) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (int half = 0; half < 2; ++half) {
    data[half].effective = data[half].permitted = static_cast<__u32>(bits >> (32 * half));
  }
  return static_cast<int>(::syscall(SYS_capset, &header, data));
}

void limit_bounding_set(int channel, std::uint64_t bits) {
  for (int number = 0; number < 64; ++number) {
    if ((bits >> number & 1) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) return;  // beyond the last one that this kernel has
    if (::prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 0) continue;
    fail(channel, Stage::kCapabilities);
  }
}

// The calls that the builder answers. Its filter lies below the policy's, which may still refuse
// them.
void install_emulation(const ChildMemory& memory) {
  const std::span<sock_filter> filter = memory.plan.list(memory.plan.head().emulation);
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  const auto install = [&program](unsigned flags) {
    return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                      SECCOMP_FILTER_FLAG_NEW_LISTENER | flags, &program));
  };
  // A call that has begun to be answered is not done twice because of a signal; Linux 5.19.
  int listener = install(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  if (listener < 0 && errno == EINVAL) listener = install(0);
  Report report;
  report.kind = Report::Kind::kListener;
  if (listener < 0 || !base::send_packet(memory.channel, &report, sizeof report, {&listener, 1})) {
    fail(memory.channel, Stage::kSeccomp);
  }
  ::close(listener);
}

void install_filter(const ChildMemory& memory) {
  const std::span<sock_filter> filter = memory.plan.list(memory.plan.head().filter);
  if (filter.empty()) return;
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
    fail(memory.channel, Stage::kSeccomp);
  }
}

// From full rights to those of the command. The filter comes last: with CAP_SYS_ADMIN it needs no
// no-new-privileges, so that set-uid programs of the image keep working.
void become_user(const ChildMemory& memory) {
  const ChildPlan& plan = memory.plan.head();
  const int channel = memory.channel;
  // The raw calls: libc's would tell threads that do not exist here.
  // Who maps one id may not change groups.
  const std::span<gid_t> groups = memory.plan.list(plan.groups);
  if (plan.emulation.empty() && ::syscall(SYS_setgroups, groups.size(), groups.data()) != 0) {
    fail(channel, Stage::kGroups);
  }
  if (::syscall(SYS_setresgid, plan.gid, plan.gid, plan.gid) != 0) fail(channel, Stage::kUser);
  // In a chroot we do not have it, and a filter only with no-new-privileges.
  const std::uint64_t admin = is_chroot(memory) ? 0 : std::uint64_t{1} << CAP_SYS_ADMIN;
  if (plan.uid != 0) {
    if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) fail(channel, Stage::kCapabilities);
    if (::syscall(SYS_setresuid, plan.uid, plan.uid, plan.uid) != 0) fail(channel, Stage::kUser);
    if (set_capabilities(admin) != 0) fail(channel, Stage::kCapabilities);
  }
  if (plan.no_new_privileges != 0 && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    fail(channel, Stage::kCapabilities);
  }
  if (!plan.emulation.empty()) install_emulation(memory);
  install_filter(memory);
  if (set_capabilities(plan.uid == 0 ? plan.capabilities : 0) != 0) {
    fail(channel, Stage::kCapabilities);
  }
}

void set_limits(const ChildMemory& memory) {
  for (const Rlimit& limit : memory.plan.list(memory.plan.head().rlimits)) {
    const rlimit value{limit.soft, limit.hard};
    if (::setrlimit(static_cast<__rlimit_resource>(limit.resource), &value) != 0) {
      fail(memory.channel, Stage::kLimits, limit.resource);
    }
  }
}

// The folder and those above it, as far as they are missing; whether that worked shows later. Made
// as root of the container, before the user is changed.
void make_directory(const ChildMemory& memory) {
  char path[PATH_MAX];
  const Text cwd = memory.plan.head().cwd;
  const std::size_t length = cwd.count;
  if (length >= sizeof path) return;
  std::memcpy(path, memory.plan.text(cwd), length + 1);
  for (std::size_t i = 1; i <= length; ++i) {
    if (path[i] != '/' && path[i] != '\0') continue;
    const char rest = path[i];
    path[i] = '\0';
    ::mkdir(path, 0755);
    path[i] = rest;
  }
}

// A descriptor from outside, named by /proc/self/fd, must not become the current directory.
void enter_directory(const ChildMemory& memory) {
  const char* cwd = memory.plan.text(memory.plan.head().cwd);
  if (::chdir(cwd) != 0) {
    if (errno == ENOENT) make_directory(memory);
    if (::chdir(cwd) != 0) fail(memory.channel, Stage::kDirectory);
  }
  char path[PATH_MAX];
  if (::syscall(SYS_getcwd, path, sizeof path) > 0 && path[0] == '/') return;
  errno = ENOENT;
  fail(memory.channel, Stage::kDirectory);
}

// The launcher left all actions at their defaults, so that only the mask is to be cleared.
void unblock_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// `keep` is in ascending order; the standard streams stay too.
void close_all_but(std::span<const int> keep) {
  unsigned first = 3;
  for (const int fd : keep) {
    const auto number = static_cast<unsigned>(fd);
    if (number > first) ::close_range(first, number - 1, 0);
    first = number + 1;
  }
  ::close_range(first, ~0U, 0);
}

// In the command's process.
[[noreturn]] void run_command(const ChildMemory& memory) {
  const ChildPlan& plan = memory.plan.head();
  ::setsid();
  if (is_chroot(memory) && enter_chroot(plan.root) != 0) fail(memory.channel, Stage::kChroot);
  if (plan.console >= 0 && ::ioctl(0, TIOCSCTTY, 0) != 0) fail(memory.channel, Stage::kTerminal);
  close_all_but({&memory.channel, 1});  // which is close-on-exec
  if (plan.bundle < 0) {
    set_limits(memory);
    ::umask(022);
    enter_directory(memory);
    ::umask(plan.umask);
  }
  unblock_signals();
  if (plan.bundle < 0) become_user(memory);
  if (is_chroot(memory)) die_with_init();
  // As execvp does: what is there but may not be run is reported if nothing better follows.
  char** const args = memory.plan.pointers(plan.args);
  char** const env = memory.plan.pointers(plan.env);
  int seen = ENOENT;
  for (const std::uintptr_t program : memory.plan.list(plan.programs)) {
    ::execve(memory.plan.text(program), args, env);
    if (errno == EACCES) seen = EACCES;
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
      seen = errno;
      break;
    }
  }
  errno = seen;
  fail(memory.channel, Stage::kExec);
}

// No process of the container may read this memory; still, nothing is kept that it does not need:
// the environment of the command may hold secrets.
void forget_plan(ChildMemory& memory) { ::munmap(memory.plan.start, memory.plan.size); }

// Takes all mounts off, and lets go of the root.
bool let_go_of_root() {
  const int elsewhere = open_path(AT_FDCWD, "/proc");
  return elsewhere >= 0 && ::umount2("/", MNT_DETACH) == 0 && ::fchdir(elsewhere) == 0 &&
         enter_chroot(elsewhere) == 0 && ::close(elsewhere) == 0;
}

void report_end(int wait_status, bool is_empty, int channel) {
  Report report;
  report.kind = Report::Kind::kEnded;
  report.wait_status = wait_status;
  report.is_empty = is_empty;
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  report.set_usage(usage);
  (void)!::write(channel, &report, sizeof report);
}

// The command has ended, and with it whatever it left behind: nothing of that runs any more when
// the report comes. Meanwhile the mounts are taken off, the slowest of what the kernel has to do;
// the next container may need what they held.
[[noreturn]] void end_container(int wait_status, int channel) {
  bool is_empty = false;
  // There is nothing else (ESRCH), or it dies. A filter of the user's may refuse this.
  if (::kill(-1, SIGKILL) == 0 || errno == ESRCH) {
    while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) continue;
    is_empty = errno == ECHILD;
  }
  report_end(wait_status, is_empty, channel);
  if (is_empty && let_go_of_root()) {
    Report report;
    report.kind = Report::Kind::kUnmounted;
    (void)!::write(channel, &report, sizeof report);
  }
  ::_exit(0);
}

// In the init process, once the command runs. Every descriptor but the channel is given back: the
// streams end when the command and its children let go of them.
[[noreturn]] void reap(pid_t command, int channel) {
  close_all_but({&channel, 1});
  ::close_range(0, 2, 0);
  sigset_t waited;
  ::sigemptyset(&waited);
  ::sigaddset(&waited, SIGCHLD);
  ::sigaddset(&waited, SIGTERM);
  for (;;) {
    siginfo_t info{};
    const int number = ::sigwaitinfo(&waited, &info);
    // A filter of the user's that refuses it would have us spin.
    if (number < 0 && errno != EINTR) ::_exit(127);
    // Only the launcher, which is outside (pid 0), stops the container this way.
    if (number == SIGTERM && info.si_pid == 0) ::kill(-1, SIGTERM);
    int status = 0;
    for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (pid != command) continue;
      end_container(status, channel);
    }
  }
}

// The same without a pid namespace, which would end everything in it with this process.
[[noreturn]] void reap_chroot(pid_t command, int proc, const ChildMemory& memory) {
  int keep[] = {memory.channel, memory.lifeline, proc};
  std::ranges::sort(keep);
  close_all_but(keep);
  ::close_range(0, 2, 0);
  report_end(wait_and_kill_rest(command, proc, memory.lifeline), false, memory.channel);
  ::_exit(0);
}

// A command with SYS_PTRACE can take over an init that is not closed to it by a user namespace:
// then it gains nothing by that, since the init has no more rights than the command and the same
// filter. /proc/1, by which it would reach bld's own executable, is hidden (mask_kernel_files). Its
// process is a real fork, which waits until the init has let go of its rights.
[[noreturn]] void run_command_of_debugger(ChildMemory& memory) {
  int gate[2];
  if (::syscall(SYS_pipe2, gate, O_CLOEXEC) != 0) fail(memory.channel, Stage::kFork);
  const long command = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (command < 0) fail(memory.channel, Stage::kFork);
  if (command == 0) {
    ::close(gate[1]);
    char none = 0;
    (void)!::read(gate[0], &none, 1);
    run_command(memory);
  }
  const std::uint64_t capabilities = memory.plan.head().capabilities;
  install_filter(memory);
  if (set_capabilities(capabilities) != 0) fail(memory.channel, Stage::kCapabilities);
  forget_plan(memory);
  reap(static_cast<pid_t>(command), memory.channel);  // which closes the gate
}

// The container ends with the launcher, also if that one is gone already.
void die_with_launcher(int lifeline) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  pollfd watch{lifeline, POLLIN, 0};
  if (::poll(&watch, 1, 0) != 0) ::_exit(127);
}

// And a namespace in which these groups are the roots.
void enter_cgroups(const ChildMemory& memory) {
  const ContainerBase& base = memory.base.head();
  if (base.cgroups.empty()) return;
  for (const int entrance : memory.base.list(base.cgroups)) {
    if (::write(entrance, "0", 1) != 1) fail(memory.channel, Stage::kCgroup);
  }
  if (base.owns_cgroup != 0 && ::unshare(CLONE_NEWCGROUP) != 0) {
    fail(memory.channel, Stage::kCgroup);
  }
}

// All that does not depend on the plan.
KernelMounts make_base(ChildMemory& memory) {
  const ContainerBase& base = memory.base.head();
  enter_cgroups(memory);
  if (base.network >= 0 && ::setns(base.network, CLONE_NEWNET) != 0) {
    fail(memory.channel, Stage::kNetwork);
  }
  if (base.sets_hostname != 0 &&
      ::sethostname(memory.base.text(base.hostname), base.hostname.count) != 0) {
    fail(memory.channel, Stage::kHostname);
  }
  KernelMounts mounts;
  if (base.kind == ContainerBase::Kind::kContainer) mounts = make_kernel_mounts(memory);
  limit_bounding_set(memory.channel, base.capabilities);
  // A session keyring of its own. Without one (a full quota) the filter still refuses all key
  // calls.
  ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
  Report report;
  report.kind = Report::Kind::kReady;
  (void)!::write(memory.channel, &report, sizeof report);
  return mounts;
}

// Whoever asked for the container may have changed its mind.
void check_received(int result, const ChildMemory& memory) {
  if (result == 0) return;
  if (errno == 0) ::_exit(0);
  fail(memory.channel, Stage::kPlan);
}

}  // namespace

void container_main(ChildMemory& memory) {
  int keep[] = {memory.channel, memory.plans, memory.lifeline};
  std::ranges::sort(keep);
  close_all_but(keep);
  die_with_launcher(memory.lifeline);
  check_received(receive_base(memory.plans, memory.base), memory);
  const KernelMounts kernel = make_base(memory);
  check_received(receive_plan(memory.plans, memory.plan), memory);
  const ChildPlan& plan = memory.plan.head();
  const int proc = is_chroot(memory) ? become_reaper() : -1;
  if (is_chroot(memory)) {
    if (proc < 0) fail(memory.channel, Stage::kChroot);
  } else if (plan.bundle >= 0) {
    if (!lay_out_bundle(memory.plan)) fail(memory.channel, Stage::kBundle);
  } else {
    make_root(memory, kernel);
    mask_files(memory);
  }
  if (plan.console >= 0) {
    open_terminal(memory);
  } else {
    set_standard_streams(memory);
  }
  // From here on nobody in the container can look into this process or at its executable.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (may_debug(plan.capabilities) && plan.bundle < 0 && !is_chroot(memory)) {
    run_command_of_debugger(memory);
  }
  // The command's process borrows this memory until it executes: nothing is copied.
  const pid_t command = ::vfork();
  if (command < 0) fail(memory.channel, Stage::kFork);
  if (command == 0) run_command(memory);
  forget_plan(memory);
  if (is_chroot(memory)) reap_chroot(command, proc, memory);
  reap(command, memory.channel);
}

}  // namespace bld::runtime
