#include "runtime/launcher.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "tests/runtime/container.h"

namespace bld::runtime {
namespace {

using test::ContainerTest;
using test::runtime_here;
using Strings = std::vector<std::string>;

class LauncherTest : public ContainerTest {};

TEST_F(LauncherTest, RunsACommandAndKeepsItsOutput) {
  const auto result = run("echo out; echo err >&2");
  EXPECT_EQ(result.exit.status, 0) << result.error_output;
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.error_output, "err\n");
}

TEST_F(LauncherTest, ExitStatusesAreExact) {
  EXPECT_EQ(run("exit 7").exit.status, 7);
  const Exit killed = run("kill -9 $$").exit;
  EXPECT_EQ(killed.status, 137);
  EXPECT_TRUE(killed.signaled);
  EXPECT_FALSE(killed.oom_killed);
  EXPECT_EQ(run("kill -TERM $$").exit.status, 143);
  EXPECT_EQ(run("sh -c 'exit 3'; exit 255").exit.status, 255);
}

int failed_exit_status(const ContainerSpec& spec, std::string* message = nullptr) {
  try {
    runtime_here().launcher->run(spec, {});
  } catch (const base::Error& error) {
    if (message != nullptr) *message = error.what();
    return error.exit_status().value_or(-1);
  }
  return 0;
}

TEST_F(LauncherTest, ACommandThatCannotBeExecutedIsAnErrorThatSaysWhy) {
  ContainerSpec missing = spec("");
  missing.args = {"no-such-program"};
  std::string message;
  EXPECT_EQ(failed_exit_status(missing, &message), 127);
  EXPECT_EQ(message, "exec no-such-program: not found in PATH");
  missing.args = {"/etc/none"};
  EXPECT_EQ(failed_exit_status(missing), 127);
  missing.args = {"/etc"};
  EXPECT_EQ(failed_exit_status(missing, &message), 126);
  EXPECT_EQ(message, "exec /etc: permission denied");
  missing.args = {"true"};
  missing.cwd = "/dev/null/in";
  EXPECT_EQ(failed_exit_status(missing, &message), -1);
  EXPECT_EQ(message, "chdir /dev/null/in: not a directory");
}

TEST_F(LauncherTest, AMissingWorkingDirectoryIsMade) {
  ContainerSpec wanted = spec("pwd; stat -c %a . ..");
  wanted.cwd = "/missing/one";
  EXPECT_EQ(run(wanted).output, "/missing/one\n755\n755\n");
}

TEST_F(LauncherTest, LinksInTheWorkingDirectoryStayInside) {
  const auto marker = temp_->write("outside/marker", "x");
  std::string up;
  for (int i = 0; i < 30; ++i) up += "../";
  std::filesystem::create_symlink(up + marker.parent_path().string().substr(1), lower() / "link");
  ContainerSpec wanted = spec("pwd; ls marker 2>/dev/null");
  wanted.cwd = "/link";
  EXPECT_THROW(run(wanted), base::Error);  // the same path inside: there is nothing
  std::filesystem::create_directory_symlink("/../../etc", lower() / "config");
  wanted.cwd = "/config/../config";
  EXPECT_EQ(run(wanted).output, "/etc\n");
}

TEST_F(LauncherTest, TheEnvironmentIsWhatWasAskedFor) {
  ContainerSpec wanted = spec("");
  wanted.args = {"env"};
  wanted.env = {"PATH=/nowhere:/bin", "A=b c", "EMPTY="};
  EXPECT_EQ(run(wanted).output, "PATH=/nowhere:/bin\nA=b c\nEMPTY=\n");
}

TEST_F(LauncherTest, ALargeEnvironmentArrives) {
  ContainerSpec wanted = spec("echo ${#A0} ${#A9}");
  for (int i = 0; i < 10; ++i) {
    wanted.env.push_back("A" + std::to_string(i) + "=" + std::string(100'000, 'x'));
  }
  EXPECT_EQ(run(wanted).output, "100000 100000\n");
}

TEST_F(LauncherTest, OnlyTheStandardDescriptorsAreOpen) {
  ContainerSpec wanted = spec("");
  wanted.args = {"ls", "/proc/self/fd"};
  EXPECT_EQ(run(wanted).output, "0\n1\n2\n3\n");  // 3 is the directory that ls reads
  EXPECT_EQ(run("readlink /proc/self/fd/0").output, "/dev/null\n");
}

TEST_F(LauncherTest, FiveMegabytesOfOutputAreNotLost) {
  const auto result = run("head -c 5000000 /dev/zero");
  EXPECT_EQ(result.exit.status, 0);
  EXPECT_EQ(result.output.size(), 5'000'000U);
}

TEST_F(LauncherTest, EverythingEndsWithTheFirstProcess) {
  const auto start = std::chrono::steady_clock::now();
  const auto result = run("sleep 1000 & setsid sleep 1000 & echo started");
  EXPECT_EQ(result.output, "started\n");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST_F(LauncherTest, AStopRequestEndsTheContainerWithinASecond) {
  for (const char* script : {"sleep 1000", "sleep 1000; sleep 1000", "sleep 1000 & wait"}) {
    std::stop_source source;
    std::jthread stopper([&source] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      source.request_stop();
    });
    const auto start = std::chrono::steady_clock::now();
    const auto result = run(spec(script), source.get_token());
    stopper.join();
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1)) << script;
    EXPECT_EQ(result.exit.status, 143);
    EXPECT_TRUE(result.exit.stopped);
  }
}

TEST_F(LauncherTest, AContainerThatIgnoresTheStopRequestIsKilled) {
  std::stop_source source;
  std::jthread stopper([&source] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    source.request_stop();
  });
  const auto start = std::chrono::steady_clock::now();
  const auto result = run(spec("trap '' TERM; while :; do sleep 1; done"), source.get_token());
  stopper.join();
  EXPECT_EQ(result.exit.status, 137);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(1500));
}

TEST_F(LauncherTest, EightContainersRunAtTheSameTime) {
  std::vector<std::thread> threads;
  std::vector<std::string> outputs(8);
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    std::filesystem::create_directories(*temp_ / ("upper" + std::to_string(i)));
    std::filesystem::create_directories(*temp_ / ("work" + std::to_string(i)));
    threads.emplace_back([this, i, &outputs] {
      const std::string number = std::to_string(i);
      ContainerSpec wanted = spec("sleep 0.5; echo " + number + " > /me; cat /me");
      wanted.root = OverlayRoot{{lower()}, *temp_ / ("upper" + number), *temp_ / ("work" + number)};
      outputs[i] = run(wanted).output;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < outputs.size(); ++i) EXPECT_EQ(outputs[i], std::to_string(i) + "\n");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
}

TEST_F(LauncherTest, ThreeHundredLayersAndThreeHundredDescriptorsFit) {
  OverlayRoot root{{}, upper(), *temp_ / "work"};
  for (int i = 0; i < 300; ++i) {
    const std::string name = "layers/" + std::to_string(i);
    temp_->write(name + "/file" + std::to_string(i), "");
    root.lower.push_back(*temp_ / name);
  }
  root.lower.push_back(lower());
  ContainerSpec wanted = spec("ls / | grep -c ^file; ls /m | wc -l");
  wanted.root = root;
  for (int i = 0; i < 150; ++i) {
    wanted.mounts.push_back(FileMount{"/m/" + std::to_string(i), "x"});
  }
  const auto result = run(wanted);
  EXPECT_EQ(result.output, "300\n150\n") << result.error_output;
  EXPECT_EQ(upper_names(), Strings{});
}

TEST_F(LauncherTest, TheUserHasItsIdsGroupsAndNoCapabilities) {
  ContainerSpec wanted = spec("id; grep Cap /proc/self/status; echo ok > /dev/stdout");
  wanted.user = {1234, 55, {7, 8}};
  const auto result = run(wanted);
  EXPECT_NE(result.output.find("uid=1234 gid=55 groups=7,8"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("CapEff:\t0000000000000000"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("CapPrm:\t0000000000000000"), std::string::npos);
  EXPECT_NE(result.output.find("CapBnd:\t00000000a80425fb"), std::string::npos);
}

TEST_F(LauncherTest, RootHasTheFourteenCapabilities) {
  const auto result = run("grep -E 'Cap|Seccomp:|NoNewPrivs' /proc/self/status; umask");
  EXPECT_EQ(result.output,
            "CapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\n"
            "CapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t2\n"
            "0022\n");
}

TEST_F(LauncherTest, IdsThatMeanNobodyOrAreNotMappedAreErrors) {
  ContainerSpec wanted = spec("true");
  wanted.user.uid = 4294967295U;
  EXPECT_THROW(run(wanted), base::Error);
  if (runtime_here().isolation.in_user_namespace) {
    wanted.user.uid = 4294967294U;
    EXPECT_THROW(run(wanted), base::Error);
  }
}

std::string own_namespace(const char* name) {
  return std::filesystem::read_symlink(std::string("/proc/self/ns/") + name).string();
}

TEST_F(LauncherTest, NamespacesAreItsOwn) {
  ContainerSpec wanted = spec(
      "for n in pid mnt ipc uts cgroup net user; do readlink /proc/self/ns/$n; done; hostname");
  wanted.network = NetworkMode::kNone;
  wanted.hostname = "box";
  const std::string output = run(wanted).output;
  for (const char* name : {"pid", "mnt", "ipc", "uts", "cgroup", "net"}) {
    EXPECT_EQ(output.find(own_namespace(name)), std::string::npos) << name;
  }
  EXPECT_NE(output.find(own_namespace("user")), std::string::npos);
  EXPECT_TRUE(output.ends_with("box\n"));
}

TEST_F(LauncherTest, TheInitTellsNothingOfTheBuilder) {
  const auto result =
      run("cat /proc/1/cmdline; cat /proc/1/environ; readlink /proc/1/exe; readlink /proc/1/fd/*; "
          "cat /proc/1/maps; cat /proc/1/mem; cat /proc/1/auxv");
  EXPECT_EQ(std::string(result.output.c_str()), "init");
  EXPECT_EQ(result.output.find_last_not_of('\0'), 3U) << result.output;
}

TEST_F(LauncherTest, ItEndsWithItsContainersWhenTheBuilderDies) {
  // Another builder, so that this one can be killed.
  base::Pipe pipe = base::make_pipe();
  const pid_t builder = ::fork();
  if (builder == 0) {
    pipe.read.reset();
    const std::unique_ptr<Launcher> launcher = Launcher::start();
    ContainerSpec wanted = spec("echo up; sleep 1000");
    wanted.stdout_fd = pipe.write.get();
    launcher->run(wanted, {});
    ::_exit(0);
  }
  pipe.write.reset();
  char text[4];
  ASSERT_EQ(::read(pipe.read.get(), text, sizeof text), 3);
  ::kill(builder, SIGKILL);
  ::waitpid(builder, nullptr, 0);
  // The sleeping process held the pipe's other end.
  EXPECT_EQ(::read(pipe.read.get(), text, sizeof text), 0);
}

TEST_F(LauncherTest, AKilledLauncherIsAnErrorAndTakesItsContainersAlong) {
  base::Pipe pipe = base::make_pipe();
  const std::unique_ptr<Launcher> launcher = Launcher::start();
  ContainerSpec wanted = spec("echo up; sleep 1000");
  wanted.stdout_fd = pipe.write.get();
  std::jthread runner([&] { EXPECT_THROW(launcher->run(wanted, {}), base::Error); });
  char text[4];
  ASSERT_EQ(::read(pipe.read.get(), text, sizeof text), 3);
  ::kill(launcher->pid(), SIGKILL);
  runner.join();
  pipe.write.reset();
  EXPECT_EQ(::read(pipe.read.get(), text, sizeof text), 0);
}

TEST_F(LauncherTest, LimitsAreClampedAndCoreFilesAreOff) {
  ContainerSpec wanted = spec("ulimit -c; ulimit -n");
  wanted.rlimits = {{RLIMIT_NOFILE, 100, ~0ULL}};
  EXPECT_EQ(run(wanted).output, "0\n100\n");
}

TEST_F(LauncherTest, ADirectoryFromOutsideCannotBeTheCurrentOne) {
  ContainerSpec wanted = spec("true");
  for (int fd = 3; fd < 40; ++fd) {
    wanted.cwd = "/proc/self/fd/" + std::to_string(fd);
    EXPECT_THROW(run(wanted), base::Error) << fd;
  }
}

}  // namespace
}  // namespace bld::runtime
