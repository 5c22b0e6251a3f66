#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/mount_points.h"
#include "tests/runtime/container.h"

namespace bld::runtime {
namespace {

using test::ContainerTest;
using test::runtime_here;
using Strings = std::vector<std::string>;

class MountTest : public ContainerTest {
 protected:
  ContainerSpec with(const std::string& script, std::vector<Mount> mounts) const {
    ContainerSpec result = spec(script);
    result.mounts = std::move(mounts);
    return result;
  }

  base::UniqueFd open(const std::filesystem::path& path) const {
    return base::UniqueFd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  }
};

TEST_F(MountTest, TheKernelsFileSystemsAreThereAndOfTheirKind) {
  const auto result = run("mount | grep -v overlay");
  for (const char* line :
       {"proc on /proc type proc (rw,nosuid,nodev,noexec",
        "sysfs on /sys type sysfs (ro,nosuid,nodev", "on /dev type tmpfs (rw,nosuid",
        "on /dev/pts type devpts (rw,nosuid,noexec",
        "on /dev/shm type tmpfs (rw,nosuid,nodev,noexec", "mqueue on /dev/mqueue type mqueue"}) {
    EXPECT_NE(result.output.find(line), std::string::npos) << line << "\n" << result.output;
  }
}

TEST_F(MountTest, DevicesWorkAndNoOthersDo) {
  const auto result = run(
      "ls /dev; echo x > /dev/null && head -c 3 /dev/zero | wc -c; head -c 2 /dev/urandom | wc -c;"
      "echo x > /dev/full || echo full; echo here >> /dev/stdout;"
      "mknod /tmp/disk b 254 0; head -c 1 /tmp/disk; mknod /dev/disk b 254 0; head -c 1 /dev/disk");
  EXPECT_EQ(result.output,
            "fd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\n"
            "zero\n3\n2\nfull\nhere\n");
}

TEST_F(MountTest, KernelFilesAreMaskedOrReadOnly) {
  const auto result =
      run("cat /proc/kcore /proc/keys /proc/timer_list /proc/interrupts 2>/dev/null | wc -c;"
          "ls /proc/acpi /proc/scsi /sys/firmware 2>/dev/null | grep -v :$ | grep -v '^$' | wc -l;"
          "(echo 1 > /proc/sys/kernel/domainname) 2>/dev/null || echo refused;"
          "(echo h > /proc/sysrq-trigger) 2>/dev/null || echo refused;"
          "touch /sys/x 2>/dev/null || echo refused");
  EXPECT_EQ(result.output, "0\n0\nrefused\nrefused\nrefused\n");
}

TEST_F(MountTest, NothingOfAMountShowsInTheUpperDirectory) {
  const base::UniqueFd source = open(lower() / "bin");
  const auto result = run(with("cat /etc/resolv.conf /run/secrets/deep/key; ls /mnt/bin/busybox",
                               {FileMount{"/etc/resolv.conf", "nameserver 1.2.3.4\n"},
                                FileMount{"/run/secrets/deep/key", "secret\n", 0400},
                                BindMount{"/mnt/bin", source.get()}, TmpfsMount{"/root/.cache"}}));
  EXPECT_EQ(result.output, "nameserver 1.2.3.4\nsecret\n/mnt/bin/busybox\n") << result.error_output;
  EXPECT_EQ(upper_names(), Strings{});
}

TEST_F(MountTest, WhatTheCommandMakesAroundMountsStays) {
  run(with("echo a > /etc/a; echo b > /run/secrets/b; rm -rf /run/other; mv /run /moved",
           {FileMount{"/etc/resolv.conf", "x"}, FileMount{"/run/secrets/key", "x"}}));
  EXPECT_EQ(upper_names(), (Strings{"etc", "etc/a", "moved", "moved/secrets", "moved/secrets/b"}));
}

TEST_F(MountTest, TheCommandCannotRemoveAMountOrItsStub) {
  const auto result = run(with("rm -rf /etc/resolv.conf /run /proc /dev/shm; cat /run/key",
                               {FileMount{"/etc/resolv.conf", "x"}, FileMount{"/run/key", "k"}}));
  EXPECT_EQ(result.output, "k");
  EXPECT_EQ(upper_names(), Strings{});
}

TEST_F(MountTest, TimesOfDirectoriesThatOnlyHeldMountsAreKept) {
  const timespec old[] = {{1000, 0}, {1000, 0}};
  std::filesystem::create_directories(upper() / "mine");
  for (const auto& path : {lower() / "etc", lower(), upper() / "mine", upper()}) {
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), old, 0), 0);
  }
  const auto result = run(with("stat -c %Y /etc /mine /",
                               {FileMount{"/etc/resolv.conf", "x"}, FileMount{"/mine/file", "x"}}));
  EXPECT_EQ(result.output, "1000\n1000\n1000\n");
  EXPECT_EQ(upper_names(), Strings{"mine"});
  for (const auto& path : {upper() / "mine", upper()}) {
    struct stat status {};

    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mtime, 1000) << path;
  }
}

TEST_F(MountTest, AChangeOfADirectoryThatHeldAMountIsKept) {
  run(with("chmod 700 /etc", {FileMount{"/etc/resolv.conf", "x"}}));
  EXPECT_EQ(upper_names(), Strings{"etc"});
  EXPECT_EQ(std::filesystem::status(upper() / "etc").permissions(),
            std::filesystem::perms::owner_all);
}

TEST_F(MountTest, AFileThatWasDeletedBeforeStaysDeleted) {
  temp_->write("lower/etc/hosts", "image");
  run("rm /etc/hosts");
  run(with("cat /etc/hosts", {FileMount{"/etc/hosts", "ours"}}));
  EXPECT_EQ(run("cat /etc/hosts 2>/dev/null || echo gone").output, "gone\n");
}

TEST_F(MountTest, AFileOfTheImageIsCoveredAndComesBack) {
  temp_->write("lower/etc/hosts", "image\n");
  EXPECT_EQ(run(with("cat /etc/hosts", {FileMount{"/etc/hosts", "ours\n"}})).output, "ours\n");
  EXPECT_EQ(run("cat /etc/hosts").output, "image\n");
  EXPECT_EQ(upper_names(), Strings{});
}

TEST_F(MountTest, LinksInTargetsAreFollowedInsideTheRoot) {
  std::filesystem::create_symlink("/../../../../run", lower() / "var");
  std::filesystem::create_symlink("../../../../../tmp/real/resolv", lower() / "etc/resolv.conf");
  const auto result =
      run(with("cat /run/key /tmp/real/resolv",
               {FileMount{"/var/key", "k\n"}, FileMount{"/etc/resolv.conf", "r\n"}}));
  EXPECT_EQ(result.output, "k\nr\n") << result.error_output;
  EXPECT_EQ(upper_names(), Strings{});
}

TEST_F(MountTest, LinksInPlaceOfKernelDirectoriesAreErrors) {
  for (const char* name : {"proc", "sys", "dev"}) {
    std::filesystem::create_symlink("/tmp", lower() / name);
    EXPECT_THROW(run("true"), base::Error) << name;
    std::filesystem::remove(lower() / name);
  }
  EXPECT_EQ(upper_names(), Strings{});
}

TEST_F(MountTest, OtherFilesInPlaceOfKernelDirectoriesAreErrors) {
  for (const char* name : {"proc", "sys", "dev"}) {
    ASSERT_EQ(::mkfifo((lower() / name).c_str(), 0600), 0);
    EXPECT_THROW(run("true"), base::Error) << name;
    std::filesystem::remove(lower() / name);
    temp_->write(std::string("lower/") + name, "x");
    EXPECT_THROW(run("true"), base::Error) << name;
    std::filesystem::remove(lower() / name);
  }
  EXPECT_EQ(upper_names(), Strings{});
}

TEST_F(MountTest, KernelDirectoriesTakeNoOtherMounts) {
  for (const char* target :
       {"/proc", "/proc/self/x", "/sys/kernel", "/dev", "/", "/tmp/../proc/x"}) {
    EXPECT_THROW(run(with("true", {TmpfsMount{target}})), base::Error) << target;
  }
  EXPECT_EQ(run(with("ls /dev/mine/x", {FileMount{"/dev/mine/x", "x"}})).output, "/dev/mine/x\n");
}

TEST_F(MountTest, AMountInsideOfAMountGoesThere) {
  const auto result = run(with("cat /m/sub/file; ls /m", {TmpfsMount{"/m"}, TmpfsMount{"/m/sub"},
                                                          FileMount{"/m/sub/file", "x\n"}}));
  EXPECT_EQ(result.output, "x\nsub\n") << result.error_output;
  EXPECT_EQ(upper_names(), Strings{});
}

// As another step that shares the cache may do.
TEST_F(MountTest, LinksThatComeInTheWayOfAMountPointAreNotFollowed) {
  std::filesystem::create_directories(*temp_ / "cache");
  const base::UniqueFd cache = open(*temp_ / "cache");
  const auto marker = temp_->write("marker", "x");
  ::chmod(marker.c_str(), 0600);
  std::atomic<bool> done = false;
  std::thread attacker([&] {
    while (!done) {
      (void)!::symlinkat(marker.c_str(), cache.get(), "f");
      ::unlinkat(cache.get(), "f", 0);
    }
  });
  mode_t mode = 0600;
  for (int i = 0; i < 1000 && mode == 0600; ++i) {
    MountPoints points(cache.get(), {});
    try {
      points.make("f", MountPoints::Kind::kFile);
    } catch (const base::Error&) {
      // The attacker won and gained nothing.
    }
    points.clean_up([] {});

    struct stat status {};

    ASSERT_EQ(::stat(marker.c_str(), &status), 0);
    mode = status.st_mode & 07777;
  }
  done = true;
  attacker.join();
  EXPECT_EQ(mode, 0600);
}

TEST_F(MountTest, ABindIsReadOnlyUnlessAsked) {
  std::filesystem::create_directories(*temp_ / "host");
  const base::UniqueFd source = open(*temp_ / "host");
  EXPECT_NE(run(with("touch /h/new", {BindMount{"/h", source.get()}})).exit.status, 0);
  BindMount writable{"/h", source.get()};
  writable.read_only = false;
  EXPECT_EQ(run(with("touch /h/new", {writable})).exit.status, 0);
  EXPECT_TRUE(std::filesystem::exists(*temp_ / "host/new"));
}

TEST_F(MountTest, AViewShowsAPartOfOtherTrees) {
  temp_->write("one/dir/a", "1");
  temp_->write("two/dir/a", "2");
  temp_->write("two/dir/b", "2");
  const OverlayView part{"/view", {*temp_ / "one", *temp_ / "two"}, "dir", {}, {}};
  const auto result = run(with("cat /view/a /view/b; touch /view/c || echo refused", {part}));
  EXPECT_EQ(result.output, "12refused\n") << result.error_output;
  const OverlayView single{"/view", {*temp_ / "two"}, "/dir/b", {}, {}};
  EXPECT_EQ(run(with("cat /view", {single})).output, "2");
  EXPECT_EQ(upper_names(), Strings{});
}

TEST_F(MountTest, AWritableViewChangesNothingBelow) {
  temp_->write("one/a", "1");
  std::filesystem::create_directories(*temp_ / "vupper");
  std::filesystem::create_directories(*temp_ / "vwork");
  const OverlayView view{"/view", {*temp_ / "one"}, "", *temp_ / "vupper", *temp_ / "vwork"};
  EXPECT_EQ(run(with("echo 2 > /view/a; cat /view/a", {view})).output, "2\n");
  EXPECT_EQ(base::read_file(*temp_ / "one/a", 10), "1");
}

TEST_F(MountTest, FilesHaveTheirModeAndOwner) {
  ContainerSpec wanted =
      with("stat -c '%a %u %g' /s; cat /s", {FileMount{"/s", "x\n", 0440, 12, 34}});
  EXPECT_EQ(run(wanted).output, "440 12 34\nx\n");
  wanted.user = {99, 99, {}};
  EXPECT_EQ(run(wanted).output, "440 12 34\n");
}

TEST_F(MountTest, APlainDirectoryIsUsedAsItIs) {
  ContainerSpec wanted = spec("echo x > /made; ls /proc/self/status");
  wanted.root = PlainRoot{lower()};
  wanted.mounts = {FileMount{"/etc/resolv.conf", "x"}};
  EXPECT_EQ(run(wanted).output, "/proc/self/status\n");
  EXPECT_TRUE(std::filesystem::exists(lower() / "made"));
  for (const char* name : {"proc", "sys", "dev", "etc/resolv.conf"}) {
    EXPECT_FALSE(std::filesystem::exists(lower() / name)) << name;
  }
}

TEST_F(MountTest, NoMountOfTheHostIsVisible) {
  const auto result = run("cat /proc/self/mountinfo /proc/1/mountinfo /proc/mounts");
  EXPECT_EQ(result.output.find(" ext4 "), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("overlay"), std::string::npos);
  // Nor where on the host the trees are.
  EXPECT_EQ(result.output.find(temp_->path().filename().string()), std::string::npos)
      << result.output;
}

}  // namespace
}  // namespace bld::runtime
