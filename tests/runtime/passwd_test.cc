#include "runtime/passwd.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/error.h"
#include "tests/support/temp_dir.h"

namespace bld::runtime {
namespace {

class Passwd : public ::testing::Test {
 protected:
  Passwd() {
    temp_.write("etc/passwd",
                "root:x:0:0:root:/root:/bin/sh\nbroken\nbad:x:99999999999:1::/:\n"
                "app:x:1000:1001:App:/home/app:/bin/sh\nnohome:x:1002:1003\n");
    temp_.write("etc/group",
                "root:x:0:\nwheel:x:10:app,root\napp:x:1001:\nextra:x:20:other,app\n"
                "again:x:20:app\n");
  }

  base::RootedDir root() const { return base::RootedDir::open(temp_.path()); }

  test::TempDir temp_;
};

TEST_F(Passwd, ANameHasItsGroupAndTheGroupsThatListIt) {
  const ResolvedUser user = resolve_user(root(), "app");
  EXPECT_EQ(user.user.uid, 1000U);
  EXPECT_EQ(user.user.gid, 1001U);
  EXPECT_EQ(user.user.groups, (std::vector<gid_t>{10, 20}));
  EXPECT_EQ(user.home, "/home/app");
  EXPECT_EQ(user.name, "app");
}

TEST_F(Passwd, ANumberIsLookedUpToo) {
  EXPECT_EQ(resolve_user(root(), "1000").user.groups.size(), 2U);
  const ResolvedUser unknown = resolve_user(root(), "4242");
  EXPECT_EQ(unknown.user.uid, 4242U);
  EXPECT_EQ(unknown.user.gid, 0U);
  EXPECT_EQ(unknown.home, "/");
}

TEST_F(Passwd, WithAGroupGivenThereIsOnlyThatGroup) {
  const ResolvedUser user = resolve_user(root(), "app:wheel");
  EXPECT_EQ(user.user.gid, 10U);
  EXPECT_TRUE(user.user.groups.empty());
  EXPECT_EQ(resolve_user(root(), "1:2").user.gid, 2U);
}

TEST_F(Passwd, NothingIsRoot) {
  const ResolvedUser user = resolve_user(root(), "");
  EXPECT_EQ(user.user.uid, 0U);
  EXPECT_EQ(user.home, "/root");
}

TEST_F(Passwd, UnknownNamesAndNumbersOutOfRangeAreErrors) {
  for (const char* spec : {"nobody", "app:none", "4294967295", "99999999999999999999",
                           "0:4294967295", "-1", "1.5", "bad"}) {
    EXPECT_THROW(resolve_user(root(), spec), base::Error) << spec;
    EXPECT_THROW(resolve_owner(root(), spec), base::Error) << spec;
  }
  EXPECT_EQ(resolve_user(root(), "4294967294").user.uid, 4294967294U);
}

TEST_F(Passwd, ALikelyNameIsSuggested) {
  const auto hint_of = [&](const char* spec) {
    try {
      resolve_user(root(), spec);
    } catch (const base::Error& error) {
      return error.hint();
    }
    return std::string("no error");
  };
  EXPECT_EQ(hint_of("apq"), "did you mean app?");
  EXPECT_EQ(hint_of("app:whele"), "did you mean wheel?");
  EXPECT_EQ(hint_of("somebody"), "add the user in a RUN before, or use a number");
}

TEST_F(Passwd, AnOwnerThatIsALoneNumberIsBothIds) {
  EXPECT_EQ(resolve_owner(root(), "1000").gid, 1000U);
  EXPECT_EQ(resolve_owner(root(), "app").gid, 1001U);
  EXPECT_EQ(resolve_owner(root(), "app:20").gid, 20U);
  EXPECT_EQ(resolve_owner(root(), "5:wheel").gid, 10U);
}

TEST_F(Passwd, WithoutFilesOnlyNumbersAndRootAreKnown) {
  const test::TempDir empty;
  const base::RootedDir dir = base::RootedDir::open(empty.path());
  EXPECT_EQ(resolve_user(dir, "root").user.uid, 0U);
  EXPECT_EQ(resolve_user(dir, "7:8").user.gid, 8U);
  EXPECT_THROW(resolve_user(dir, "app"), base::Error);
}

TEST_F(Passwd, AFileThatIsNoFileIsAnError) {
  const test::TempDir hostile;
  std::filesystem::create_directories(hostile / "etc");
  ASSERT_EQ(::mkfifo((hostile / "etc/passwd").c_str(), 0600), 0);
  EXPECT_THROW(resolve_user(base::RootedDir::open(hostile.path()), "app"), base::Error);
}

TEST_F(Passwd, LinksToDevicesAndToTheKernelsFilesAreErrorsAtOnce) {
  for (const char* target : {"/dev/zero", "/dev/tty", "/proc/self/environ", "/proc/kmsg", "."}) {
    const test::TempDir hostile;
    std::filesystem::create_directories(hostile / "etc");
    std::filesystem::create_symlink(target, hostile / "etc/passwd");
    // In an image with these devices, too: a link to the host's would find nothing inside.
    std::filesystem::create_directories(hostile / "dev");
    ASSERT_EQ(::mkfifo((hostile / "dev/zero").c_str(), 0600), 0);
    EXPECT_THROW(resolve_user(base::RootedDir::open(hostile.path()), "app"), base::Error) << target;
  }
}

TEST_F(Passwd, ALinkOutOfTheImageStaysInside) {
  const test::TempDir hostile;
  std::filesystem::create_directories(hostile / "etc");
  std::filesystem::create_symlink("../../../../../../etc/passwd", hostile / "etc/passwd");
  EXPECT_THROW(resolve_user(base::RootedDir::open(hostile.path()), "daemon"), base::Error);
}

}  // namespace
}  // namespace bld::runtime
