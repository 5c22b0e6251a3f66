#include "layers/named_whiteouts.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/layers/tree.h"

namespace bld::layers {
namespace {

class NamedWhiteouts : public ::testing::Test {
 protected:
  NamedWhiteouts() : lower(temp, "lower"), upper(temp, "upper") {
    lower.file("gone", "x");
    lower.file("dir/gone", "x");
    lower.file("opaque/old", "x");
    upper.whiteout("gone");
    upper.dir("dir");
    upper.whiteout("dir/gone");
    upper.file("opaque/new", "n");
    upper.opaque("opaque");
  }

  void unname() const {
    const std::array stack = {&lower.root};
    unname_whiteouts(upper.root, stack);
  }

  // Of a whiteout only the path counts.
  std::vector<FileEntry> entries() const {
    std::vector<FileEntry> all = upper.entries();
    for (FileEntry& entry : all) {
      if (entry.type == FileEntry::Type::kWhiteout) entry.mtime_sec = entry.mtime_nsec = 0;
    }
    return all;
  }

  test::TempDir temp;
  TestTree lower, upper;
};

TEST_F(NamedWhiteouts, ComeBackAsTheyWere) {
  const auto before = entries();
  EXPECT_TRUE(has_whiteouts(upper.root));
  name_whiteouts(upper.root);
  EXPECT_FALSE(has_whiteouts(upper.root));
  EXPECT_EQ(upper.paths(),
            (std::vector<std::string>{"", ".wh.gone", "dir", "dir/.wh.gone", "opaque",
                                      "opaque/.wh..wh..opq", "opaque/new"}));
  unname();
  EXPECT_EQ(entries(), before) << "times of directories included";
}

TEST_F(NamedWhiteouts, EitherSpellingMayBeThereAlready) {
  const auto before = entries();
  unname();
  EXPECT_EQ(entries(), before);
  name_whiteouts(upper.root);
  upper.whiteout("other");
  name_whiteouts(upper.root);
  EXPECT_FALSE(has_whiteouts(upper.root));
}

TEST_F(NamedWhiteouts, ADirectoryThatHidesNothingIsNotOpaque) {
  upper.file("made/.wh..wh..opq", "");
  upper.whiteout("made/.wh..opq");
  unname();
  EXPECT_EQ(upper.paths().back(), "opaque/new");
  for (const FileEntry& entry : upper.entries()) {
    EXPECT_EQ(entry.opaque, entry.path == "opaque") << entry.path;
  }
}

}  // namespace
}  // namespace bld::layers
