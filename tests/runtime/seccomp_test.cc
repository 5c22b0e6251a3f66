#include "runtime/seccomp.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "tests/runtime/container.h"

namespace bld::runtime {
namespace {

// The errno of a call under the filter (0: it went through), from a process of its own.
int error_of(const std::vector<sock_filter>& filter, long number, long a = 0, long b = 0,
             long c = 0) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const sock_fprog program{static_cast<unsigned short>(filter.size()),
                             const_cast<sock_filter*>(filter.data())};
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) ::_exit(255);
    const long result = ::syscall(number, a, b, c, 0, 0, 0);
    if (result == 0 && number == SYS_clone) ::_exit(0);
    ::_exit(result < 0 ? errno : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The filter as bld loads it, and the same policy as an OCI runtime is given it.
enum class Form { kFilter, kWords };

std::vector<sock_filter> filter_for(Form form, const CapabilitySet& capabilities) {
  if (form == Form::kFilter) return compile_default_filter(capabilities);
  return compile_policy(default_seccomp_policy(capabilities));
}

class SeccompTest : public ::testing::TestWithParam<Form> {
 protected:
  std::vector<sock_filter> filter_ = filter_for(GetParam(), CapabilitySet::container_default());
};

INSTANTIATE_TEST_SUITE_P(, SeccompTest, ::testing::Values(Form::kFilter, Form::kWords));

TEST_P(SeccompTest, OrdinaryCallsGoThrough) {
  EXPECT_EQ(error_of(filter_, SYS_getpid), 0);
  EXPECT_EQ(error_of(filter_, SYS_umask, 022), 0);
  EXPECT_EQ(error_of(filter_, SYS_socket, AF_INET, SOCK_STREAM), 0);
  EXPECT_EQ(error_of(filter_, SYS_clone, SIGCHLD), 0);
  EXPECT_EQ(error_of(filter_, SYS_close_range, 100, 200), 0);
}

TEST_P(SeccompTest, DangerousCallsAreRefused) {
  for (const long number : {SYS_mount,
                            SYS_umount2,
                            SYS_setns,
                            SYS_bpf,
                            SYS_keyctl,
                            SYS_add_key,
                            SYS_request_key,
                            SYS_userfaultfd,
                            SYS_io_uring_setup,
                            SYS_io_uring_enter,
                            SYS_perf_event_open,
                            SYS_reboot,
                            SYS_init_module,
                            SYS_kexec_load,
                            SYS_open_by_handle_at,
                            SYS_fsopen,
                            SYS_open_tree,
                            SYS_move_mount,
                            SYS_swapon,
                            SYS_acct,
                            SYS_settimeofday,
                            SYS_quotactl,
                            SYS_pivot_root,
                            SYS_lookup_dcookie,
                            SYS_nfsservctl,
                            SYS_syslog,
                            SYS_kcmp,
                            SYS_mount_setattr}) {
    EXPECT_EQ(error_of(filter_, number), EPERM) << number;
  }
  EXPECT_EQ(error_of(filter_, SYS_unshare, CLONE_NEWUSER), EPERM);
}

TEST_P(SeccompTest, NewerCallsDoNotExist) {
  EXPECT_EQ(error_of(filter_, SYS_clone3), ENOSYS);
  EXPECT_EQ(error_of(filter_, 900), ENOSYS);
  EXPECT_EQ(error_of(filter_, 100000), ENOSYS);
}

TEST_P(SeccompTest, ArgumentsDecide) {
  EXPECT_EQ(error_of(filter_, SYS_socket, AF_VSOCK, SOCK_STREAM), EPERM);
  EXPECT_EQ(error_of(filter_, SYS_personality, 0xffffffff), 0);
  EXPECT_EQ(error_of(filter_, SYS_personality, 0x20008), 0);
  EXPECT_EQ(error_of(filter_, SYS_personality, ADDR_NO_RANDOMIZE),
            GetParam() == Form::kFilter ? EPERM : ENOSYS);
  for (const long flag : {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID}) {
    EXPECT_EQ(error_of(filter_, SYS_clone, flag | SIGCHLD), EPERM) << flag;
  }
}

TEST_P(SeccompTest, ACapabilityOpensItsCalls) {
  CapabilitySet more = CapabilitySet::container_default();
  more.add("SYS_ADMIN");
  const auto filter = filter_for(GetParam(), more);
  EXPECT_NE(error_of(filter, SYS_unshare, 0), EPERM);
  EXPECT_EQ(error_of(filter, SYS_mount, 0, 0, 0), EFAULT);
  EXPECT_EQ(error_of(filter, SYS_keyctl), EPERM);
  CapabilitySet less = CapabilitySet::container_default();
  less.drop("SYS_CHROOT");
  EXPECT_EQ(error_of(filter_for(GetParam(), less), SYS_chroot), EPERM);
  EXPECT_EQ(error_of(filter_, SYS_chroot), EFAULT);
}

#if defined(__x86_64__)
TEST_P(SeccompTest, TheOtherAbisOfTheProcessorAreNoWayAround) {
  const int refused = GetParam() == Form::kFilter ? ENOSYS : -1;  // killed
  EXPECT_EQ(error_of(filter_, 0x40000000 | SYS_mount), refused);  // x32
  EXPECT_EQ(error_of(filter_, 0x40000000 | SYS_getpid), refused);
}
#endif

using test::ContainerTest;

class SeccompContainerTest : public ContainerTest {};

// The kernel compiles it for each container.
TEST(SeccompFilter, WhatReturnsTheSameIsThereOnce) {
  const auto filter = compile_default_filter(CapabilitySet::container_default());
  const auto returns = std::ranges::count_if(filter, [](const sock_filter& instruction) {
    return BPF_CLASS(instruction.code) == BPF_RET;
  });
  EXPECT_LE(returns, 6);  // allowed, refused, missing; again where a jump does not reach
  EXPECT_LT(filter.size(), 300U);
}

TEST_F(SeccompContainerTest, ContainersAreUnderTheFilter) {
  const auto result =
      run("grep Seccomp: /proc/self/status; unshare -m true; mount -t tmpfs x /tmp");
  EXPECT_EQ(result.output, "Seccomp:\t2\n");
  EXPECT_NE(result.error_output.find("Operation not permitted"), std::string::npos);
  ContainerSpec open = spec("grep Seccomp: /proc/self/status");
  open.seccomp = Seccomp::kUnconfined;
  EXPECT_EQ(run(open).output, "Seccomp:\t0\n");
}

}  // namespace
}  // namespace bld::runtime
