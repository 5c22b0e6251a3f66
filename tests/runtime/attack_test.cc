// From the side of a hostile command: each test fails when the property that it is about is taken
// away. docs/security.md lists them.
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/runtime/container.h"

namespace bld::runtime {
namespace {

using test::ContainerTest;
using test::runtime_here;

class AttackTest : public ContainerTest {
 protected:
  void SetUp() override {
    ContainerTest::SetUp();
    if (temp_) std::filesystem::copy_file(BLD_PROBE, lower() / "bin/probe");
  }

  ContainerSpec probe(const std::string& word, const std::string& value = "") const {
    ContainerSpec result = spec("");
    result.args = {"probe", word, value};
    return result;
  }
};

TEST_F(AttackTest, TheRootCannotBeLeft) {
  const auto marker = temp_->write("marker", "x");
  EXPECT_EQ(
      run(probe("leave-root", marker.string())).output,
      "chroot: done\nchroot back: done\nin the container's root\nmarker of the host: ENOENT\n");
}

TEST_F(AttackTest, KeysOfTheBuilderAreOutOfReach) {
  const long keyring = ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
  if (keyring < 0) GTEST_SKIP() << "no keyrings here";
  const long key =
      ::syscall(SYS_add_key, "user", "bld-test", "secret", 6, KEY_SPEC_SESSION_KEYRING);
  if (key < 0) GTEST_SKIP() << "no keys here";
  ContainerSpec wanted = probe("read-key", std::to_string(key));
  EXPECT_EQ(from_builder(wanted, [] {}), "key of the builder: EPERM\nlink it: EPERM\n");
  // Without the filter the keyring itself is what protects.
  wanted.seccomp = Seccomp::kUnconfined;
  EXPECT_EQ(from_builder(wanted, [] {}), "key of the builder: EACCES\nlink it: EACCES\n");
  ::syscall(SYS_keyctl, KEYCTL_INVALIDATE, key);
}

TEST_F(AttackTest, NoTerminalOfTheUserIsToBeTypedInto) {
  EXPECT_EQ(run(probe("terminal")).output, "controlling terminal: ENXIO\ntype into it: ENOTTY\n");
}

TEST_F(AttackTest, TheSessionIsTheContainersOwn) {
  ContainerSpec wanted = spec("");
  wanted.args = {"cat", "/proc/self/stat"};
  // Its id, its parent's, its group's and its session's.
  EXPECT_TRUE(run(wanted).output.starts_with("2 (cat) R 1 2 2 "));
}

TEST_F(AttackTest, StandardInputThatIsADirectoryIsNoWayOut) {
  ContainerSpec wanted = spec("ls");
  const base::UniqueFd outside(::open(temp_->path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  wanted.stdin_fd = outside.get();
  wanted.cwd = "/proc/self/fd/0";
  EXPECT_THROW(run(wanted), base::Error);
}

TEST_F(AttackTest, AbstractSocketsOfTheHostNeedItsNetwork) {
  const std::string name = "bld-test-" + std::to_string(::getpid());
  const base::UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1, sizeof address.sun_path - 2);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address),
                   static_cast<socklen_t>(sizeof address.sun_family + 1 + name.size())),
            0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ContainerSpec wanted = probe("socket", name);
  EXPECT_EQ(run(wanted).output, "abstract socket: done\n");
  wanted.network = NetworkMode::kNone;
  EXPECT_EQ(run(wanted).output, "abstract socket: ECONNREFUSED\n");
}

TEST_F(AttackTest, NamespacesInsideAreForThoseWhoAskedForThem) {
  EXPECT_NE(run(probe("nest")).output.find("nested namespaces: EPERM\n"), std::string::npos);
  // A builder in a build: what hides the kernel's files stays on.
  ContainerSpec wanted = probe("nest");
  wanted.seccomp = Seccomp::kUnconfined;
  EXPECT_EQ(run(wanted).output,
            "nested namespaces: done\nid map: done\nnested mount: done\n"
            "uncover a masked file: EINVAL\nmake /proc/sys writable: EPERM\n");
}

TEST_F(AttackTest, MasksStayOnWithoutTheRightToMount) {
  ContainerSpec wanted = probe("uncover");
  EXPECT_EQ(run(wanted).output,
            "uncover a masked file: EPERM\nmake /sys writable: EPERM\nnew proc: EPERM\n");
  // The capability set does the same as the filter.
  wanted.seccomp = Seccomp::kUnconfined;
  EXPECT_EQ(run(wanted).output,
            "uncover a masked file: EPERM\nmake /sys writable: EPERM\nnew proc: EPERM\n");
}

TEST_F(AttackTest, NothingOutsideCanBeKilled) {
  const auto result = run("kill -KILL 1; kill -TERM 1; sleep 0.1; echo alive");
  EXPECT_EQ(result.output, "alive\n");
  EXPECT_EQ(result.exit.status, 0);
  run("kill -KILL -1");
  EXPECT_EQ(
      run("ps > /tmp/list; grep -c -v -e PID -e init -e ps -e 'sh -c' /tmp/list; echo still here")
          .output,
      "0\nstill here\n");
}

TEST_F(AttackTest, GroupsUmaskAndIgnoredSignalsOfTheBuilderAreNotInherited) {
  const auto set_up = [] {
    const gid_t groups[] = {1, 2, 3};
    (void)!::setgroups(3, groups);
    ::umask(0077);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGINT, SIG_IGN);
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
  };
  EXPECT_EQ(from_builder(spec("id -G; umask"), set_up), "0\n0022\n");
  ContainerSpec wanted = spec("");  // a shell has its own ideas of signals
  wanted.args = {"grep", "-E", "SigIgn|SigBlk", "/proc/self/status"};
  EXPECT_EQ(from_builder(wanted, set_up), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_F(AttackTest, InheritableCapabilitiesOfTheBuilderAreNotInherited) {
  ContainerSpec wanted = spec("");
  wanted.args = {"grep", "-E", "CapInh|CapAmb", "/proc/self/status"};
  const std::string output = from_builder(wanted, [] {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    ::syscall(SYS_capget, &header, data);
    for (auto& half : data) half.inheritable = half.permitted;
    ::syscall(SYS_capset, &header, data);
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0);
  });
  EXPECT_EQ(output, "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n");
}

TEST_F(AttackTest, SetUidProgramsWorkUnlessTheyAreToldNotTo) {
  std::filesystem::permissions(lower() / "bin/probe", std::filesystem::perms(04755));
  ContainerSpec wanted = probe("ids");
  wanted.user = {1000, 1000, {}};
  EXPECT_EQ(run(wanted).output, "uids 1000 0 0, CapEff:\t00000000a80425fb\n");
  wanted.no_new_privileges = true;
  EXPECT_EQ(run(wanted).output, "uids 1000 1000 1000, CapEff:\t0000000000000000\n");
}

TEST_F(AttackTest, NoNewPrivilegesIsForGood) {
  ContainerSpec wanted = spec("grep NoNewPrivs /proc/self/status");
  wanted.no_new_privileges = true;
  EXPECT_EQ(run(wanted).output, "NoNewPrivs:\t1\n");
}

TEST_F(AttackTest, TheInitIsClosedToDebuggers) {
  ContainerSpec wanted =
      spec("cd /proc/1; cat maps environ task/1/maps; readlink exe; head -c 1 exe");
  wanted.capabilities.add("SYS_PTRACE");
  EXPECT_EQ(run(wanted).output, "");
}

// Where the kernel lets the init be debugged: in a user namespace of ours it does not.
TEST_F(AttackTest, WhoTakesTheInitOverGainsNothing) {
  ContainerSpec wanted = probe("debug-init");
  wanted.capabilities.add("SYS_PTRACE");
  const std::string output = run(wanted).output;
  if (runtime_here().isolation.kind == IsolationKind::kUserNamespace) {
    EXPECT_EQ(output, "debug the init: EPERM\n");
  } else {
    EXPECT_EQ(output,
              "debug the init: done\nnamespace by it: EPERM\nkeys by it: EPERM\nrights of it are "
              "mine\n");
  }
}

TEST_F(AttackTest, ADebuggerDoesWhatItIsThereFor) {
  ContainerSpec wanted = probe("debug-child");
  wanted.capabilities.add("SYS_PTRACE");
  const auto result = run(wanted);
  EXPECT_EQ(result.output, "debug a child: done\n");
  EXPECT_EQ(result.exit.status, 7);
}

TEST_F(AttackTest, DescriptorsOfTheBuilderAreNotInherited) {
  // Not close-on-exec, as a careless library would open it.
  const std::string output = from_builder(spec("ls /proc/self/fd"), [] {
    for (int i = 0; i < 50; ++i) (void)!::open("/", O_RDONLY);
  });
  EXPECT_EQ(output, "0\n1\n2\n3\n");
}

TEST_F(AttackTest, TheBuildersEnvironmentIsNowhere) {
  const std::string output = from_builder(
      spec("env; cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n' | grep -c marker"), [] {
        ::setenv("BLD_TEST",
                 "marker"
                 "-of-the-builder",
                 1);
      });
  EXPECT_EQ(output.find("BLD_TEST"), std::string::npos) << output;
  EXPECT_EQ(output.find("marker-of"), std::string::npos) << output;
}

TEST_F(AttackTest, LimitsCannotBeRaised) {
  ContainerSpec wanted =
      spec("ulimit -Hn; ulimit -Hn 2000 2>/dev/null || echo refused; ulimit -Hc");
  wanted.rlimits = {{RLIMIT_NOFILE, 100, 1000}};
  EXPECT_EQ(run(wanted).output, "1000\nrefused\n0\n");
}

TEST_F(AttackTest, ControlGroupsCannotBeChanged) {
  const auto result = run("mkdir /sys/fs/cgroup/mine; echo 0 > /sys/fs/cgroup/cgroup.procs");
  EXPECT_NE(result.exit.status, 0);
  EXPECT_NE(result.error_output.find("Read-only file system"), std::string::npos)
      << result.error_output;
}

TEST_F(AttackTest, TheKernelCannotBeTold) {
  for (const char* file : {"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
                           "/proc/sys/vm/overcommit_memory", "/sys/kernel/mm/ksm/run"}) {
    EXPECT_NE(run(std::string("echo x > ") + file).exit.status, 0) << file;
  }
}

TEST_F(AttackTest, SysIsReadOnlyAlsoWithANetworkOfItsOwn) {
  ContainerSpec wanted = spec("grep ' /sys ' /proc/mounts; echo x > /sys/power/state");
  wanted.network = NetworkMode::kNone;
  const auto result = run(wanted);
  EXPECT_EQ(result.output.find("sysfs /sys sysfs rw"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("sysfs /sys sysfs ro"), std::string::npos) << result.output;
  EXPECT_NE(result.exit.status, 0);
}

TEST_F(AttackTest, OomScoresCannotBeLowered) {
  EXPECT_EQ(run("(echo -1000 > /proc/self/oom_score_adj) 2>/dev/null || echo refused").output,
            "refused\n");
}

}  // namespace
}  // namespace bld::runtime
