#include "layers/archive.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "tests/layers/tree.h"
#include "tests/support/tar_builder.h"

namespace bld::layers {
namespace {

using base::Error;
using test::TarBuilder;

base::UniqueFd open_file(const std::filesystem::path& path) {
  return base::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

TEST(Archive, IsKnownByItsContentsInEveryCompression) {
  const test::TempDir temp;
  temp.write("plain", TarBuilder().dir("d").file("d/f", "content").finish());
  temp.write("text", "no archive, but long enough to be a header" + std::string(600, ' '));
  temp.write("empty", "");
  for (const char* tool : {"cat", "gzip", "bzip2", "xz", "zstd"}) {
    const std::string at = temp.path().string();
    if (std::system((std::string("command -v ") + tool + " >/dev/null").c_str()) != 0) continue;
    ASSERT_EQ(std::system((std::string(tool) + " <" + at + "/plain >" + at + "/packed").c_str()),
              0);
    const base::UniqueFd fd = open_file(temp / "packed");
    EXPECT_TRUE(is_archive(fd.get())) << tool;
    const TestTree out(temp, tool);
    EXPECT_EQ(extract_archive(fd.get(), out.root), 2U);
    EXPECT_EQ(out.read("d/f"), "content") << tool;
    ASSERT_EQ(std::system((std::string(tool) + " <" + at + "/text >" + at + "/packed").c_str()), 0);
    EXPECT_FALSE(is_archive(open_file(temp / "packed").get())) << tool;
  }
  EXPECT_FALSE(is_archive(open_file(temp / "empty").get()));
}

TEST(Archive, MergesDirectoriesAndReplacesTheRest) {
  const test::TempDir temp;
  const TestTree out(temp, "out");
  out.file("d/kept", "k");
  out.file("f", "old");
  ::chmod(out.path.c_str(), 0705);
  temp.write("a.tar", TarBuilder()
                          .dir("./", 0700)
                          .dir("d", 0711)
                          .file("d/new", "n")
                          .file("f", "new")
                          .file("d/.wh.kept", "a plain file")
                          .finish());
  ExtractOptions options;
  options.uid = 7;
  extract_archive(open_file(temp / "a.tar").get(), out.root, options);
  EXPECT_EQ(out.read("d/kept"), "k");
  EXPECT_EQ(out.read("d/new"), "n");
  EXPECT_EQ(out.read("f"), "new");
  EXPECT_EQ(out.read("d/.wh.kept"), "a plain file");
  EXPECT_EQ(out.status("d").st_mode & 07777, 0711U);
  EXPECT_EQ(out.status("d/new").st_uid, 7U);
  EXPECT_EQ(out.status("").st_mode & 07777, 0705U);
}

TEST(Archive, FollowsNoLinkOutOfTheDestination) {
  const test::TempDir temp;
  const TestTree out(temp, "out"), outside(temp, "outside");
  std::filesystem::create_symlink("../outside", out / "there-before");
  temp.write("a.tar", TarBuilder().file("there-before/x", "x").finish());
  EXPECT_THROW(extract_archive(open_file(temp / "a.tar").get(), out.root), Error);
  EXPECT_EQ(outside.paths().size(), 1U);
}

}  // namespace
}  // namespace bld::layers
