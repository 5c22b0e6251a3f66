#include "layers/squash.h"

#include <gtest/gtest.h>

#include "tests/layers/tree.h"

namespace bld::layers {
namespace {

// Three layers in which each way of hiding occurs.
struct Stack {
  explicit Stack(const test::TempDir& temp)
      : bottom(temp, "bottom"), middle(temp, "middle"), top(temp, "top") {
    bottom.file("kept", "bottom");
    bottom.file("changed", "old");
    bottom.file("gone", "x");
    bottom.file("dir/gone", "x");
    bottom.file("dir/kept", "bottom");
    bottom.file("opaque/old", "x");
    bottom.file("replaced/by/file", "x");
    bottom.file("came-back/old", "x");
    std::filesystem::create_hard_link(bottom / "kept", bottom / "dir/same");
    middle.file("changed", "middle");
    middle.dir("dir");
    middle.whiteout("dir/gone");
    middle.dir("opaque");
    middle.opaque("opaque");
    middle.file("opaque/middle", "m");
    middle.whiteout("came-back");
    middle.whiteout("gone");
    top.file("opaque/new", "n");
    top.file("came-back/new", "n");
    top.file("replaced", "file");
    top.whiteout("unknown");
    ::chmod((top / "opaque").c_str(), 0701);
  }

  std::vector<const base::RootedDir*> newest_first() const {
    return {&top.root, &middle.root, &bottom.root};
  }

  TestTree bottom, middle, top;
};

TEST(Squash, ShowsWhatTheStackShows) {
  for (const bool hard_links : {true, false}) {
    const test::TempDir temp;
    const Stack stack(temp);
    const TestTree out(temp, "out");
    squash(stack.newest_first(), out.root, {false, hard_links});
    EXPECT_EQ(out.paths(),
              (std::vector<std::string>{"", "came-back", "came-back/new", "changed", "dir",
                                        "dir/kept", "dir/same", "kept", "opaque", "opaque/middle",
                                        "opaque/new", "replaced"}));
    EXPECT_EQ(out.read("changed"), "middle");
    EXPECT_EQ(out.status("opaque").st_mode & 07777, 0701U);
    EXPECT_EQ(out.status("kept").st_ino, out.status("dir/same").st_ino);
    EXPECT_EQ(out.status("kept").st_ino == stack.bottom.status("kept").st_ino, hard_links);
    for (const FileEntry& entry : out.entries()) EXPECT_FALSE(entry.opaque) << entry.path;
  }
}

TEST(Squash, KeepsWhatHidesLowerLayers) {
  const test::TempDir temp;
  const Stack stack(temp);
  const TestTree two(temp, "two"), direct(temp, "direct"), again(temp, "again");
  squash(std::vector{&stack.top.root, &stack.middle.root}, two.root, {true, true});
  EXPECT_TRUE(two.has("gone"));
  squash(stack.newest_first(), direct.root);
  squash(std::vector<const base::RootedDir*>{&two.root, &stack.bottom.root}, again.root);
  EXPECT_EQ(again.tar(), direct.tar());
}

}  // namespace
}  // namespace bld::layers
