#include "runtime/prepared_container.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <chrono>

#include "base/rooted_dir.h"
#include "tests/runtime/container.h"

namespace bld::runtime {
namespace {

class PreparedTest : public test::ContainerTest {
 protected:
  // One is prepared from the second on.
  void prepare(const ContainerSpec& like) {
    run(like);
    run(like);
  }
};

TEST_F(PreparedTest, EachContainerIsNew) {
  ContainerSpec wanted = spec(
      "cat /etc/file /tmp/secret; ls /dev/shm; test -e /dev/mark && echo mark; echo $$; "
      "echo changed | cat > /etc/file; touch /dev/shm/left /dev/mark");
  wanted.mounts.emplace_back(FileMount{.target = "/etc/file", .contents = "as made\n"});
  prepare(wanted);
  wanted.mounts.emplace_back(FileMount{
      .target = "/tmp/secret", .contents = "secret\n", .read_only = true, .is_secret = true});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run(wanted).output, "as made\nsecret\n2\n");
}

TEST_F(PreparedTest, WhoAsksForAnotherOneGetsThat) {
  ContainerSpec wanted = spec("hostname; cat /etc/file; readlink /proc/self/ns/ipc; ls /proc/bus");
  wanted.hostname = "one";
  wanted.mounts.emplace_back(FileMount{.target = "/etc/file", .contents = "first\n"});
  prepare(wanted);
  wanted.hostname = "two";
  wanted.shared.ipc = true;
  std::get<FileMount>(wanted.mounts.back()).contents = "second\n";
  wanted.kernel_files.masked.emplace_back("/proc/bus");
  const std::string ipc = std::filesystem::read_symlink("/proc/self/ns/ipc").string();
  EXPECT_EQ(run(wanted).output, "two\nsecond\n" + ipc + "\n");
}

TEST_F(PreparedTest, SecretsAreNotMadeAhead) {
  int control[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control), 0);
  const base::UniqueFd ours(control[0]), launcher(control[1]);
  const auto foundation = Foundation::of(spec(""), ContainerBase::Kind::kContainer, -1);
  FileMount secret, script, hosts;
  secret.is_secret = script.read_only = true;
  PreparedContainer container(ours.get(), foundation, {secret, script, hosts});
  const base::RootedDir files{
      base::UniqueFd(::fcntl(container.files().mount(), F_DUPFD_CLOEXEC, 3))};
  EXPECT_EQ(files.names().size(), 1U);
}

TEST(ContainerFiles, NobodyGetsTheSameTwice) {
  if (!test::runtime_here().launcher) GTEST_SKIP() << test::runtime_here().missing;
  ContainerFiles files;
  const FileMount hosts{.target = "/etc/hosts", .contents = "hosts"};
  files.prepare(hosts);
  struct stat first = {}, second = {}, other = {};
  ASSERT_EQ(::fstat(files.take(hosts).get(), &first), 0);
  ASSERT_EQ(::fstat(files.take(hosts).get(), &second), 0);
  ASSERT_EQ(::fstat(files.take({.target = "/x", .contents = "x", .mode = 0600}).get(), &other), 0);
  EXPECT_NE(first.st_ino, second.st_ino);
  EXPECT_EQ(second.st_size, 5);
  EXPECT_EQ(other.st_size, 1);
  EXPECT_EQ(other.st_mode & 07777, 0600U);
}

// What is prepared ends with its launcher, although nobody waits for it.
TEST_F(PreparedTest, NoneIsLeftWhenTheBuilderIsDone) {
  const pid_t builder = ::fork();
  if (builder == 0) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    {
      const std::unique_ptr<Launcher> launcher = Launcher::start();
      for (int i = 0; i < 3; ++i) launcher->run(spec("true"), {});
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    pid_t pid = 0;
    while ((pid = ::waitpid(-1, nullptr, WNOHANG)) >= 0) {
      if (std::chrono::steady_clock::now() > deadline) ::_exit(1);
      if (pid == 0) ::usleep(1000);
    }
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(builder, &status, 0), builder);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace bld::runtime
