#include "builder/export_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_io.h"
#include "tests/support/temp_dir.h"

namespace bld::test {
namespace {

namespace fs = std::filesystem;

using base::RootedDir;
using builder::FileOwners;

const builder::TimeOf kAsItIs = [](const std::string&, std::int64_t mtime) { return mtime; };

class ExportFiles : public ::testing::Test {
 protected:
  ExportFiles() {
    fs::create_directories(temp_ / "tree");
    fs::create_directories(temp_ / "out");
  }

  void export_all(const builder::TimeOf& time_of = kAsItIs) {
    builder::export_directory(RootedDir::open(temp_ / "tree"), time_of, FileOwners::kOfImage,
                              RootedDir::open(temp_ / "out"), stop_.get_token());
  }

  std::string tar(const builder::TimeOf& time_of = kAsItIs) {
    base::StringSink sink;
    builder::export_tar(RootedDir::open(temp_ / "tree"), time_of, sink, stop_.get_token());
    return sink.text;
  }

  std::string read(const std::string& path) { return base::read_file(temp_ / path, 1 << 20); }

  TempDir temp_;
  std::stop_source stop_;
};

TEST_F(ExportFiles, ModesLinksAndHardLinksStay) {
  temp_.write("tree/dir/a", "content");
  ::chmod((temp_ / "tree/dir/a").c_str(), 04711);
  ::chmod((temp_ / "tree/dir").c_str(), 0700);
  fs::create_hard_link(temp_ / "tree/dir/a", temp_ / "tree/dir/b");
  fs::create_symlink("../dir/a", temp_ / "tree/link");
  export_all();
  struct stat a = {}, b = {}, dir = {};
  ASSERT_EQ(::stat((temp_ / "out/dir/a").c_str(), &a), 0);
  ASSERT_EQ(::stat((temp_ / "out/dir/b").c_str(), &b), 0);
  ASSERT_EQ(::stat((temp_ / "out/dir").c_str(), &dir), 0);
  EXPECT_EQ(a.st_mode & 07777, 04711U);
  EXPECT_EQ(dir.st_mode & 07777, 0700U);
  EXPECT_EQ(a.st_ino, b.st_ino);
  EXPECT_EQ(fs::read_symlink(temp_ / "out/link"), "../dir/a");
}

TEST_F(ExportFiles, ALinkInTheWayIsReplacedAndNotFollowed) {
  temp_.write("tree/dir/file", "new");
  temp_.write("tree/plain", "new");
  temp_.write("elsewhere/file", "old");
  temp_.write("victim", "old");
  fs::create_symlink(temp_ / "elsewhere", temp_ / "out/dir");
  fs::create_symlink(temp_ / "victim", temp_ / "out/plain");
  export_all();
  EXPECT_EQ(read("elsewhere/file"), "old");
  EXPECT_EQ(read("victim"), "old");
  EXPECT_EQ(read("out/dir/file"), "new");
  EXPECT_FALSE(fs::is_symlink(temp_ / "out/plain"));
}

TEST_F(ExportFiles, WhatIsThereAlreadyStaysBesideTheNew) {
  temp_.write("tree/dir/new", "new");
  temp_.write("out/dir/mine", "mine");
  ::chmod((temp_ / "out").c_str(), 0710);
  export_all();
  EXPECT_EQ(read("out/dir/mine"), "mine");
  EXPECT_EQ(read("out/dir/new"), "new");
  struct stat out = {};
  ASSERT_EQ(::stat((temp_ / "out").c_str(), &out), 0);
  EXPECT_EQ(out.st_mode & 07777, 0710U);
}

TEST_F(ExportFiles, TimesFollowTheRule) {
  temp_.write("tree/a", "x");
  export_all([](const std::string& path, std::int64_t) { return path == "a" ? 1000 : 0; });
  struct stat a = {};
  ASSERT_EQ(::stat((temp_ / "out/a").c_str(), &a), 0);
  EXPECT_EQ(a.st_mtim.tv_sec, 1000);
  EXPECT_EQ(a.st_mtim.tv_nsec, 0);
}

TEST_F(ExportFiles, TheTarIsSortedAndTheSameEachTime) {
  temp_.write("tree/b", "2");
  temp_.write("tree/a/z", "1");
  const auto five = [](const std::string&, std::int64_t) { return std::int64_t{5}; };
  const std::string first = tar(five);
  EXPECT_EQ(first, tar(five));
  EXPECT_NE(first, tar());
  EXPECT_LT(first.find("a/z"), first.find(std::string("b\0", 2)));
  EXPECT_EQ(first.substr(0, 3), std::string("a/\0", 3));  // the root is not in it
}

TEST_F(ExportFiles, AStopEndsIt) {
  temp_.write("tree/a", "x");
  stop_.request_stop();
  EXPECT_THROW(tar(), base::Error);
}

}  // namespace
}  // namespace bld::test
