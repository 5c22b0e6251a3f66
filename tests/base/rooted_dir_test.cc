#include "base/rooted_dir.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "base/error.h"
#include "base/file_io.h"
#include "tests/support/temp_dir.h"

namespace bld::base {
namespace {

namespace fs = std::filesystem;

std::string content(const RootedDir& root, std::string_view path) {
  return read_fd(root.open_regular(path).get(), 100);
}

TEST(RootedDir, LinksAndDotsStayInside) {
  const test::TempDir temp;
  temp.write("secret", "outside");
  temp.write("root/secret", "inside");
  fs::create_symlink("/secret", temp / "root/absolute");
  fs::create_symlink("../../../secret", temp / "root/relative");
  const RootedDir root = RootedDir::open(temp / "root");
  EXPECT_EQ(content(root, "absolute"), "inside");
  EXPECT_EQ(content(root, "relative"), "inside");
  EXPECT_EQ(content(root, "/../../secret"), "inside");
}

TEST(RootedDir, BeneathRefusesWhatLeaves) {
  const test::TempDir temp;
  temp.write("secret", "outside");
  fs::create_directory(temp / "root");
  fs::create_symlink("../secret", temp / "root/out");
  const RootedDir root = RootedDir::open(temp / "root");
  EXPECT_THROW(root.open_at("out", O_RDONLY, 0, Resolve::kBeneath), Error);
  EXPECT_THROW(root.open_at("../secret", O_RDONLY, 0, Resolve::kBeneath), Error);
}

TEST(RootedDir, NothingLeavesWhileLinksAreSwapped) {
  const test::TempDir temp;
  temp.write("secret", "outside");
  temp.write("root/dir/secret", "inside");
  fs::create_symlink("../..", temp / "root/link");
  const RootedDir root = RootedDir::open(temp / "root");
  std::atomic<bool> stop = false;
  std::thread swapper([&] {
    while (!stop) {
      ::renameat2(root.fd(), "dir", root.fd(), "link", RENAME_EXCHANGE);
    }
  });
  for (int i = 0; i < 20000; ++i) {
    const auto fd = root.find("dir/secret", O_RDONLY);
    if (fd) {
      EXPECT_EQ(read_fd(fd->get(), 100), "inside");
    }
  }
  stop = true;
  swapper.join();
}

TEST(RootedDir, SpecialFilesAreNoRegularFiles) {
  const test::TempDir temp;
  ASSERT_EQ(::mkfifo((temp / "fifo").c_str(), 0644), 0);
  const RootedDir root = RootedDir::open(temp.path());
  EXPECT_THROW(root.open_regular("fifo"), Error);
  EXPECT_THROW(root.open_regular("/"), Error);
}

TEST(RootedDir, MakeDirsFollowsLinksAndGivesTheExactMode) {
  const test::TempDir temp;
  fs::create_directories(temp / "root/real");
  fs::create_symlink("/real", temp / "root/link");
  const RootedDir root = RootedDir::open(temp / "root");
  root.make_dirs("/link/a/b", 0777);
  EXPECT_EQ(root.lstat("real/a/b")->st_mode & 07777, 0777U);
  temp.write("root/file", "");
  EXPECT_THROW(root.make_dirs("file/x"), Error);
}

TEST(RootedDir, RemoveTreeFollowsNoLink) {
  const test::TempDir temp;
  temp.write("keep/file", "x");
  fs::create_directories(temp / "tree/a/b/c");
  fs::create_symlink(temp / "keep", temp / "tree/a/link");
  fs::permissions(temp / "tree/a/b", fs::perms::none);
  const RootedDir root = RootedDir::open(temp.path());
  root.remove_tree("tree");
  EXPECT_FALSE(root.lstat("tree"));
  EXPECT_TRUE(root.lstat("keep/file"));
  root.remove_tree("tree");
}

TEST(CleanAbsolute, WorksOutDots) {
  EXPECT_EQ(clean_absolute("a//b/./../c/"), "/a/c");
  EXPECT_EQ(clean_absolute("../../x"), "/x");
  EXPECT_EQ(clean_absolute(""), "/");
}

}  // namespace
}  // namespace bld::base
