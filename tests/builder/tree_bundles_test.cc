#include "builder/tree_bundles.h"

#include <sys/stat.h>

#include <set>

#include "tests/store/fixture.h"

namespace bld::builder {
namespace {

using test::open_store;
using test::TempDir;
namespace fs = std::filesystem;

class Bundles : public testing::Test {
 protected:
  // Upon the others: a tree of one file named like its number, and one that all have.
  void add_tree(bool is_small = true) {
    const std::string number = std::to_string(trees_.size());
    const fs::path tree = temp_.path() / ("tree" + number);
    fs::create_directory(tree);
    test::write_text(tree / ("file" + number), number);
    test::write_text(tree / "last", number);
    trees_.insert(trees_.begin(), {tree.native(), is_small});
  }

  void add_trees(int count) {
    for (int i = 0; i < count; ++i) add_tree();
  }

  // What overlayfs shows of directories without whiteouts.
  static std::set<std::string> names_in(const std::vector<fs::path>& directories) {
    std::set<std::string> names;
    for (const fs::path& directory : directories) {
      for (const auto& entry : fs::directory_iterator(directory)) {
        names.insert(entry.path().filename().string());
      }
    }
    return names;
  }

  std::string last_in(const std::vector<fs::path>& directories) {
    std::string text;
    for (const fs::path& directory : directories) {
      std::ifstream file(directory / "last");
      if (file >> text) return text;
    }
    return "";
  }

  TempDir temp_;
  store::Store store_ = open_store(temp_.path() / "store");
  TreeBundles bundles_{store_};
  std::vector<StackedTree> trees_;
};

TEST_F(Bundles, FewAreLeftAsTheyAre) {
  add_trees(7);
  EXPECT_EQ(bundles_.bundle(trees_).size(), 7U);
}

TEST_F(Bundles, TheNumberGrowsWithTheLogarithm) {
  std::size_t most = 0;
  for (int i = 0; i < 200; ++i) {
    add_tree();
    most = std::max(most, bundles_.bundle(trees_).size());
  }
  EXPECT_LE(most, 7U + 7U + 3U);
  const auto directories = bundles_.bundle(trees_);
  EXPECT_EQ(directories.size(), 3U + 1U);  // 3 of 64, one of 8
  EXPECT_EQ(names_in(directories).size(), 201U);
  EXPECT_EQ(last_in(directories), "199");
}

TEST_F(Bundles, ALargeOneAtTheBottomKeepsNothingApart) {
  add_tree(false);
  add_trees(64 + 8);
  const auto directories = bundles_.bundle(trees_);
  ASSERT_EQ(directories.size(), 3U);
  EXPECT_EQ(directories[2], fs::path(temp_.path() / "tree0"));
  EXPECT_EQ(names_in(directories).size(), 74U);
  EXPECT_EQ(last_in(directories), "72");
}

TEST_F(Bundles, TheSameIsNotMadeTwice) {
  add_trees(64);
  const auto first = bundles_.bundle(trees_);
  EXPECT_EQ(bundles_.bundle(trees_), first);
  add_tree();
  const auto second = bundles_.bundle(trees_);
  EXPECT_EQ(std::vector(second.begin() + 1, second.end()), first);
}

TEST_F(Bundles, LargeOnesAreNotCopied) {
  add_trees(8);
  add_tree(false);
  add_trees(7);
  add_trees(8);
  const auto directories = bundles_.bundle(trees_);
  EXPECT_EQ(directories.size(), 1U + 8U + 1U);
  EXPECT_EQ(directories[8], fs::path(temp_.path() / "tree8"));
  EXPECT_EQ(names_in(directories).size(), 25U);
}

// A deleted file stays deleted: what a bundle hides lies below it.
TEST_F(Bundles, WhiteoutsOfUpperOnesStay) {
  add_trees(8);
  add_trees(8);
  const fs::path whiteout = fs::path(trees_.front().directory) / "file0";
  if (::mknod(whiteout.c_str(), S_IFCHR, 0) != 0) GTEST_SKIP() << "no whiteouts here";
  const auto directories = bundles_.bundle(trees_);
  ASSERT_EQ(directories.size(), 2U);
  struct stat status = {};
  ASSERT_EQ(::lstat((directories[0] / "file0").c_str(), &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
  EXPECT_TRUE(fs::is_regular_file(directories[1] / "file0"));
}

TEST_F(Bundles, WhatCannotBeMountedOtherwiseIsMergedThoughLarge) {
  for (int i = 0; i < 481; ++i) add_tree(false);
  const auto directories = bundles_.bundle(trees_);
  EXPECT_EQ(directories.size(), 60U + 1U);
  EXPECT_EQ(names_in(directories).size(), 482U);
}

}  // namespace
}  // namespace bld::builder
