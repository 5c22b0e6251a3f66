#include "layers/apply.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/layers/tree.h"
#include "tests/support/tar_builder.h"

namespace bld::layers {
namespace {

using base::Error;
using test::TarBuilder;

// The layer must be refused, and nothing beside the target may have changed.
void expect_refused(const std::string& tar) {
  const test::TempDir temp;
  const TestTree outside(temp, "outside"), target(temp, "target");
  outside.file("victim", "untouched");
  EXPECT_THROW(target.apply(tar), Error);
  EXPECT_EQ(outside.read("victim"), "untouched");
  EXPECT_EQ(outside.paths(), (std::vector<std::string>{"", "victim"}));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(temp.path()), {}), 2);
}

TEST(Apply, NamesThatLeadOutAreRefused) {
  expect_refused(TarBuilder().file("../outside/new", "x").finish());
  expect_refused(TarBuilder().file("a/../../outside/new", "x").finish());
  expect_refused(TarBuilder().hard_link("h", "../outside/victim").finish());
  expect_refused(TarBuilder().file("..", "x").finish());
}

TEST(Apply, NothingIsWrittenThroughALink) {
  expect_refused(TarBuilder().symlink("l", "../outside").file("l/victim", "x").finish());
  expect_refused(TarBuilder().symlink("l", "../outside").dir("l/d").finish());
  expect_refused(TarBuilder().symlink("l", "../outside").hard_link("h", "l/victim").finish());
  expect_refused(TarBuilder().symlink("l", "../outside").file("l/.wh.victim", "").finish());
  expect_refused(TarBuilder().symlink("l", "../outside").file("l/.wh..wh..opq", "").finish());
}

TEST(Apply, AFileReplacesALinkInsteadOfFollowingIt) {
  const test::TempDir temp;
  const TestTree outside(temp, "outside"), target(temp, "target");
  outside.file("victim", "untouched");
  target.apply(TarBuilder().symlink("l", "../outside/victim").file("l", "new").finish());
  EXPECT_EQ(outside.read("victim"), "untouched");
  EXPECT_EQ(target.read("l"), "new");
}

TEST(Apply, AHardLinkToALinkIsThatLink) {
  const test::TempDir temp;
  const TestTree outside(temp, "outside"), target(temp, "target");
  outside.file("victim", "untouched");
  target.apply(
      TarBuilder().symlink("l", "../outside/victim").hard_link("h", "l").file("x", "").finish());
  EXPECT_TRUE(std::filesystem::is_symlink(target / "h"));
  EXPECT_EQ(outside.status("victim").st_nlink, 1U);
}

TEST(Apply, AbsoluteNamesCountFromTheRoot) {
  const test::TempDir temp;
  const TestTree target(temp, "target");
  target.apply(TarBuilder().file("//etc//./x", "x").finish());
  EXPECT_EQ(target.read("etc/x"), "x");
}

TEST(Apply, TheRootIsADirectoryOrNothing) {
  expect_refused(TarBuilder().symlink("./", "../outside").finish());
  expect_refused(TarBuilder().file(".", "x").finish());
  const test::TempDir temp;
  const TestTree target(temp, "target");
  target.apply(TarBuilder().dir("./", 0710).finish());
  EXPECT_EQ(target.status("").st_mode & 07777, 0710U);
}

TEST(Apply, HardLinksToNothingOrToDirectoriesAreRefused) {
  expect_refused(TarBuilder().hard_link("h", "missing").finish());
  expect_refused(TarBuilder().dir("d").hard_link("h", "d").finish());
  expect_refused(TarBuilder().file(".wh.w", "").hard_link("h", "w").finish());
  expect_refused(TarBuilder().dir("d").file("d/f", "").hard_link("d", "d/f").finish());
}

TEST(Apply, ALaterEntryOfTheSamePathWins) {
  const test::TempDir temp;
  const TestTree target(temp, "target");
  target.apply(TarBuilder()
                   .file("f", "old")
                   .file("f", "new")
                   .dir("d")
                   .file("d/inside", "x")
                   .file("d", "now a file")
                   .file("e", "file")
                   .dir("e", 0700)
                   .dir("e", 0750)
                   .file("same", "s")
                   .hard_link("same", "same")
                   .finish());
  EXPECT_EQ(target.read("f"), "new");
  EXPECT_EQ(target.read("d"), "now a file");
  EXPECT_EQ(target.status("e").st_mode, S_IFDIR | 0750U);
  EXPECT_EQ(target.read("same"), "s");
}

TEST(Apply, WhiteoutsAndOpacityComeInAnyOrder) {
  const test::TempDir temp;
  const TestTree first(temp, "first"), second(temp, "second");
  const auto check = [](const TestTree& tree) {
    const auto entries = tree.entries();
    ASSERT_EQ(entries.size(), 5U);
    EXPECT_TRUE(entries[1].opaque);  // d
    EXPECT_EQ(entries[2].path, "d/f");
    EXPECT_TRUE(entries[3].opaque);  // e: hidden below, new here
    EXPECT_EQ(entries[4].type, FileEntry::Type::kWhiteout);
  };
  first.apply(TarBuilder()
                  .dir("d")
                  .file("d/.wh..wh..opq", "")
                  .file("d/f", "f")
                  .file(".wh.e", "")
                  .dir("e")
                  .file(".wh.gone", "")
                  .finish());
  check(first);
  second.apply(TarBuilder()
                   .file(".wh.gone", "")
                   .dir("e")
                   .dir("d")
                   .file("d/f", "f")
                   .file(".wh.e", "")
                   .file("d/.wh..wh..opq", "")
                   .finish());
  check(second);
}

TEST(Apply, AFileUnderAWhiteoutOfItsDirectoryMakesThatOpaque) {
  const test::TempDir temp;
  const TestTree target(temp, "target");
  EXPECT_TRUE(
      target.apply(TarBuilder().file(".wh.d", "").file("d/f", "f").finish()).implied_parents);
  EXPECT_TRUE(target.entries()[1].opaque);
}

TEST(Apply, WhiteoutsOfNothingAreRefused) {
  for (const char* name : {".wh.", ".wh..", ".wh...", "d/.wh.", ".wh..wh.plnk"}) {
    expect_refused(TarBuilder().file(name, "").finish());
  }
}

TEST(Apply, ForeignXattrsNeverReachTheDisk) {
  const test::TempDir temp;
  const TestTree target(temp, "target");
  std::string records;
  for (const char* name : {"user.keep", "user.overlay.opaque", "trusted.overlay.redirect",
                           "security.selinux", "system.posix_acl_access"}) {
    records += TarBuilder::record(std::string("SCHILY.xattr.") + name, "y");
  }
  target.apply(TarBuilder().pax(records).dir("d").finish());
  char names[256];
  const ssize_t length = ::listxattr((target / "d").c_str(), names, sizeof names);
  EXPECT_EQ(std::string(names, static_cast<std::size_t>(length)), std::string("user.keep\0", 10));
}

TEST(Apply, DevicesAreSkippedAndUnknownKindsRefused) {
  const test::TempDir temp;
  const TestTree target(temp, "target");
  EXPECT_EQ(
      target.apply(TarBuilder().entry("null", '3').entry("sda", '4').finish()).skipped_devices, 2U);
  EXPECT_FALSE(target.has("null"));
  expect_refused(TarBuilder().entry("strange", 'Q').finish());
}

TEST(Apply, ImpliedDirectoriesLookAsTheyDoBelow) {
  const test::TempDir temp;
  const TestTree upper(temp, "upper"), lower(temp, "lower"), target(temp, "target");
  lower.dir("a", 0701);
  lower.dir("a/b", 0702);
  upper.dir("a", 0711);
  upper.touch("a", 1000);
  ::chmod(upper.path.c_str(), 0751);
  ApplyOptions options;
  options.parents = {&upper.root, &lower.root};
  EXPECT_TRUE(target.apply(TarBuilder().file("a/b/c/f", "f").finish(), options).implied_parents);
  EXPECT_EQ(target.status("").st_mode & 07777, 0751U);
  EXPECT_EQ(target.status("a").st_mode & 07777, 0711U);
  EXPECT_EQ(target.status("a").st_mtim.tv_sec, 1000);
  EXPECT_EQ(target.status("a/b").st_mode & 07777, 0702U);
  EXPECT_EQ(target.status("a/b/c").st_mode & 07777, 0755U);
}

TEST(Apply, DirectoriesKeepTheirTimesInAnyOrder) {
  const test::TempDir temp;
  const TestTree target(temp, "target");
  TarBuilder tar;
  for (const char* name : {"a", "a/b", "c"}) {
    TarBuilder::Header header;
    header.name = name;
    header.type = '5';
    header.mode = 0755;
    header.mtime = 12345;
    tar.header(header);
  }
  target.apply(tar.file("a/b/f", "f").file("c/f", "f").file("a/g", "g").finish());
  for (const char* name : {"a", "a/b", "c"}) EXPECT_EQ(target.status(name).st_mtim.tv_sec, 12345);
}

TEST(Apply, TheDigestIsChecked) {
  const test::TempDir temp;
  const TestTree target(temp, "target");
  ApplyOptions options;
  options.expected_diff_id = image::DiffId{image::Digest::of(base::as_bytes("other"))};
  EXPECT_THROW(target.apply(TarBuilder().file("f", "f").finish(), options), Error);
}

TEST(Apply, EveryTruncationIsAnError) {
  const std::string tar = TarBuilder().file("f", std::string(700, 'f')).dir("d").finish();
  base::StringSink packed;
  const auto compressor = compress(packed, {});
  compressor->write(base::as_bytes(tar));
  compressor->finish();
  for (std::size_t size = 0; size < tar.size() - 1024; size += 128) {
    const test::TempDir temp;
    EXPECT_THROW(TestTree(temp, "t").apply(tar.substr(0, size)), Error) << size;
  }
  for (std::size_t size = 0; size < packed.text.size(); ++size) {
    const test::TempDir temp;
    EXPECT_THROW(TestTree(temp, "t").apply(packed.text.substr(0, size)), Error) << size;
  }
}

TEST(Apply, ABombMeetsTheReserve) {
  const test::TempDir temp;
  const TestTree target(temp, "target");
  ApplyOptions options;
  options.reserve_bytes = std::uint64_t{1} << 60;
  EXPECT_THROW(target.apply(TarBuilder().file("f", "f").finish(), options), Error);
  // A sparse file that claims an exbibyte and stores nothing.
  const std::string records = TarBuilder::record("GNU.sparse.size", "1152921504606846976") +
                              TarBuilder::record("GNU.sparse.map", "0,0");
  EXPECT_THROW(target.apply(TarBuilder().pax(records).file("bomb", "").finish()), Error);
}

}  // namespace
}  // namespace bld::layers
