#include "layers/changes.h"

#include <gtest/gtest.h>

#include "layers/merged_copy.h"
#include "layers/squash.h"
#include "tests/layers/tree.h"

namespace bld::layers {
namespace {

namespace fs = std::filesystem;

// One lower tree, a plain copy of it that a command changes, and the tree of the changes.
class Changes : public testing::Test {
 protected:
  void begin() {
    const base::RootedDir* trees[] = {&lower.root};
    squash(trees, merged.root, {.keep_whiteouts = false, .hard_links = false});
    before = list_files(merged.root, hidden);
  }

  bool end() {
    const base::RootedDir* trees[] = {&lower.root};
    return write_changes(before, merged.root, hidden, trees, upper.root);
  }

  // What the lower tree with the changes shows is what the command left.
  void expect_same_stack() {
    const TestTree again(temp, "again");
    const base::RootedDir* trees[] = {&upper.root, &lower.root};
    squash(trees, again.root, {.keep_whiteouts = false, .hard_links = false});
    EXPECT_EQ(again.entries(), merged.entries());
    const TestTree grown(temp, "grown");
    const base::RootedDir* one[] = {&lower.root};
    squash(one, grown.root, {.keep_whiteouts = false, .hard_links = false});
    add_tree(upper.root, grown.root);
    EXPECT_EQ(grown.entries(), merged.entries());
  }

  std::vector<std::string> changed() {
    std::vector<std::string> lines;
    for (const FileEntry& entry : upper.entries()) {
      if (entry.path.empty()) continue;
      const bool gone = entry.type == FileEntry::Type::kWhiteout;
      lines.push_back((gone ? "-" : "") + entry.path + (entry.opaque ? "!" : ""));
    }
    return lines;
  }

  test::TempDir temp;
  TestTree lower{temp, "lower"}, merged{temp, "merged"}, upper{temp, "upper"};
  HiddenFiles hidden;
  std::vector<ListedFile> before;
};

using Lines = std::vector<std::string>;

TEST_F(Changes, NothingDoneIsNothingWritten) {
  lower.file("d/f", "x");
  begin();
  EXPECT_FALSE(end());
  EXPECT_EQ(changed(), Lines());
}

TEST_F(Changes, NewChangedAndRemovedFilesWithTheirDirectories) {
  lower.file("a/kept", "k");
  lower.file("a/changed", "old");
  lower.file("a/gone", "x");
  lower.file("b/kept", "k");
  begin();
  merged.file("a/changed", "new", 0600);
  merged.file("a/sub/new", "n");
  fs::remove(merged / "a/gone");
  EXPECT_TRUE(end());
  EXPECT_EQ(changed(), (Lines{"a", "a/changed", "-a/gone", "a/sub", "a/sub/new"}));
  EXPECT_EQ(upper.read("a/changed"), "new");
  EXPECT_EQ(upper.status("a/changed").st_mode & 07777, 0600U);
  expect_same_stack();
}

TEST_F(Changes, ContentsThatKeepSizeAndTimeAreSeen) {
  lower.file("f", "old");
  begin();
  merged.file("f", "new");  // gets the time that it had
  EXPECT_TRUE(end());
  EXPECT_EQ(upper.read("f"), "new");
}

TEST_F(Changes, ModesOwnersAndAttributesAreChanges) {
  lower.file("mode", "m");
  lower.file("attribute", "a");
  lower.dir("dir");
  lower.dir("tagged");
  begin();
  fs::permissions(merged / "mode", fs::perms(04750));
  ::setxattr((merged / "attribute").c_str(), "user.note", "1", 1, 0);
  ::setxattr((merged / "tagged").c_str(), "user.note", "2", 1, 0);
  fs::permissions(merged / "dir", fs::perms(0700));
  EXPECT_TRUE(end());
  EXPECT_EQ(changed(), (Lines{"attribute", "dir", "mode", "tagged"}));
  expect_same_stack();
}

TEST_F(Changes, WhatReplacesADirectoryHidesWhatWasInIt) {
  for (const char* name : {"again/old", "file/old", "link/old", "gone/deep/old"}) {
    lower.file(name, "x");
  }
  lower.file("was-file", "x");
  begin();
  for (const char* name : {"again", "file", "link", "gone", "was-file"}) {
    fs::remove_all(merged / name);
  }
  merged.dir("placeholder");  // takes the inode that was freed
  merged.file("again/new", "n");
  merged.file("file", "f");
  fs::create_symlink("/nowhere", merged / "link");
  merged.file("was-file/in", "i");
  EXPECT_TRUE(end());
  EXPECT_EQ(changed(), (Lines{"again!", "again/new", "file", "-gone", "link", "placeholder",
                              "was-file", "was-file/in"}));
  expect_same_stack();
}

TEST_F(Changes, NamesOfOneFileStaySo) {
  lower.file("a", "x");
  begin();
  fs::create_hard_link(merged / "a", merged / "b");
  merged.dir("d");
  fs::create_hard_link(merged / "a", merged / "d/c");
  EXPECT_TRUE(end());
  EXPECT_EQ(upper.status("a").st_nlink, 3U);
  EXPECT_EQ(upper.status("d/c").st_ino, upper.status("a").st_ino);
  expect_same_stack();
}

TEST_F(Changes, FifosAreKeptAndSocketsAreNot) {
  begin();
  ASSERT_EQ(::mkfifo((merged / "fifo").c_str(), 0644), 0);
  ASSERT_EQ(::mknod((merged / "socket").c_str(), S_IFSOCK | 0600, 0), 0);
  EXPECT_TRUE(end());
  EXPECT_EQ(changed(), Lines{"fifo"});
}

TEST_F(Changes, HiddenFilesDoNotCountWhereverTheyAre) {
  lower.file("etc/hosts", "image's");
  lower.dir("dev");
  hidden.paths = {"dev", "etc/hosts"};
  begin();
  merged.file("etc/mine", "m");
  hidden.inodes = {merged.status("etc/mine").st_ino};
  fs::rename(merged / "etc/mine", merged / "moved");
  merged.touch("etc", 1);
  merged.touch("", 1);
  merged.file("etc/hosts", "step's");
  merged.file("dev/null", "written");
  EXPECT_TRUE(end());
  EXPECT_EQ(changed(), Lines{"etc"});  // its time
}

TEST_F(Changes, ChangesUponChangesLeaveNoWhiteoutOfWhatTheLayersBelowNeverHad) {
  lower.file("below", "b");
  lower.file("dir/below", "b");
  upper.file("mine", "m");
  upper.file("dir/mine", "m");
  upper.whiteout("dir/below");
  const base::RootedDir* both[] = {&upper.root, &lower.root};
  squash(both, merged.root, {.keep_whiteouts = false, .hard_links = false});
  before = list_files(merged.root);
  fs::remove(merged / "mine");
  fs::remove(merged / "below");
  fs::remove_all(merged / "dir");
  merged.dir("dir");
  merged.file("dir/second", "s");
  EXPECT_TRUE(end());
  EXPECT_EQ(changed(), (Lines{"-below", "dir!", "dir/second"}));
  expect_same_stack();
}

TEST_F(Changes, ADirectoryThatComesBackIsEmpty) {
  lower.file("dir/below", "b");
  upper.whiteout("dir");
  before = list_files(merged.root);
  merged.file("dir/new", "n");
  EXPECT_TRUE(end());
  EXPECT_EQ(changed(), (Lines{"dir!", "dir/new"}));
}

TEST_F(Changes, AnyDepthWorks) {
  begin();
  base::RootedDir at = merged.root.duplicate();
  for (int depth = 0; depth < 400; ++depth) {
    ASSERT_EQ(::mkdirat(at.fd(), "d", 0755), 0);
    at = at.open_dir("d");
  }
  EXPECT_TRUE(end());
  EXPECT_EQ(changed().size(), 400U);
  merged.root.remove_tree("d");
  upper.root.remove_tree("d");
}

TEST(MergedCopy, WhiteoutsAndOpacityAreCarriedOut) {
  const test::TempDir temp;
  const TestTree tree(temp, "tree"), merged(temp, "merged");
  merged.file("gone/deep", "x");
  merged.file("opaque/old", "x");
  merged.file("kept/old", "x");
  merged.file("file", "old");
  merged.dir("was-dir");
  merged.file("shared", "s");
  fs::create_hard_link(merged / "shared", merged / "other");
  tree.whiteout("gone");
  tree.file("opaque/new", "n");
  tree.opaque("opaque");
  tree.file("kept/new", "n");
  tree.file("file", "new");
  tree.file("was-dir", "f");
  tree.file("shared", "t");
  add_tree(tree.root, merged.root);
  EXPECT_EQ(merged.paths(), (Lines{"", "file", "kept", "kept/new", "kept/old", "opaque",
                                   "opaque/new", "other", "shared", "was-dir"}));
  EXPECT_EQ(merged.read("file"), "new");
  EXPECT_EQ(merged.read("other"), "s");
  tree.opaque("");
  add_tree(tree.root, merged.root);
  EXPECT_FALSE(merged.has("other"));
}

TEST(MergedCopy, ShowsWhatTheStackShows) {
  const test::TempDir temp;
  const TestTree top(temp, "top"), bottom(temp, "bottom");
  bottom.file("a/b/c", "x");
  bottom.file("gone/f", "x");
  bottom.file("opaque/f", "x");
  bottom.file("file/f", "x");
  top.dir("a/b");
  top.whiteout("gone");
  top.file("opaque/g", "x");
  top.opaque("opaque");
  top.file("file", "x");
  const base::RootedDir* trees[] = {&top.root, &bottom.root};
  for (const char* path : {"", "a/b", "a/b/c", "opaque", "opaque/g", "file"}) {
    EXPECT_TRUE(shows(trees, path)) << path;
  }
  for (const char* path : {"none", "a/none", "a/b/c/d", "gone", "gone/f", "opaque/f", "file/f"}) {
    EXPECT_FALSE(shows(trees, path)) << path;
  }
}

// What trees hold where the file system keeps the overlay format for itself.
TEST(MergedCopy, MarksOfOurOwnMeanTheSame) {
  const test::TempDir temp;
  const TestTree tree(temp, "tree"), plain(temp, "plain"), merged(temp, "merged");
  for (const TestTree* each : {&tree, &plain}) {
    each->file("d/new", "n");
    each->touch("d", 1'700'000'000);
  }
  tree.file("gone", "");
  ::setxattr((tree / "gone").c_str(), "user.bld.overlay.whiteout", "y", 1, 0);
  ::setxattr((tree / "d").c_str(), "user.bld.overlay.opaque", "y", 1, 0);
  plain.whiteout("gone");
  plain.opaque("d");
  EXPECT_EQ(tree.tar(), plain.tar());
  merged.file("gone", "x");
  merged.file("d/old", "x");
  add_tree(tree.root, merged.root);
  EXPECT_EQ(merged.paths(), (Lines{"", "d", "d/new"}));
  EXPECT_TRUE(merged.entries()[1].xattrs.empty());
  const base::RootedDir* trees[] = {&tree.root, &merged.root};
  EXPECT_FALSE(shows(trees, "gone"));
}

}  // namespace
}  // namespace bld::layers
