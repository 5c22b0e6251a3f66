#include "layers/entries_layer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "tests/layers/tree.h"

namespace bld::layers {
namespace {

using base::Error;

SourcedEntry entry(const std::string& path, FileEntry::Type type = FileEntry::Type::kDirectory) {
  SourcedEntry sourced;
  sourced.entry.path = path;
  sourced.entry.type = type;
  sourced.entry.mode = 0755;
  sourced.entry.mtime_sec = 1'600'000'000;
  return sourced;
}

SourcedEntry text(const std::string& path, const std::string& content) {
  SourcedEntry sourced = entry(path, FileEntry::Type::kFile);
  sourced.entry.size = content.size();
  sourced.content = content;
  return sourced;
}

SourcedEntry from_file(const std::string& path, const TestTree& tree, const std::string& name) {
  SourcedEntry sourced = entry(path, FileEntry::Type::kFile);
  sourced.entry.size = static_cast<std::uint64_t>(tree.status(name).st_size);
  sourced.content = ContentOpener([&tree, name] { return tree.root.open_regular(name); });
  return sourced;
}

TEST(EntriesLayer, BothFacesHaveOneDigest) {
  const test::TempDir temp;
  const TestTree source(temp, "source"), one(temp, "one"), two(temp, "two");
  source.file("big", std::string(3'000'000, 'b'));
  source.file("small", "small");
  std::vector<SourcedEntry> list;
  list.push_back(entry(""));
  list.back().entry.mode = 0711;
  list.push_back(entry("app"));
  list.back().entry.opaque = true;
  list.push_back(from_file("app/big", source, "big"));
  list.back().entry.mode = 06755;
  list.back().entry.uid = 5;
  list.back().entry.xattrs["user.x"] = "y";
  list.push_back(entry("app/link", FileEntry::Type::kSymlink));
  list.back().entry.link = "big";
  list.push_back(entry("app/name", FileEntry::Type::kHardLink));
  list.back().entry.link = "app/big";
  list.push_back(entry("app/sub"));
  list.push_back(from_file("app/sub/small", source, "small"));
  list.push_back(text("app/zero", ""));
  list.push_back(entry("gone", FileEntry::Type::kWhiteout));
  list.push_back(text("here", "a heredoc\n"));
  const SealedLayer blob = write_entries_as_tar(list, nullptr);
  SealOptions options;
  options.parent_root = FileEntry();
  write_entries_as_tree(list, one.root, 1);
  EXPECT_EQ(seal(one.root, options).diff_id, blob.diff_id);
  write_entries_as_tree(list, two.root, 4);
  EXPECT_EQ(seal(two.root, options).diff_id, blob.diff_id);
  EXPECT_EQ(one.read("here"), "a heredoc\n");
  base::StringSink tar;
  const SealedLayer written = write_entries_as_tar(list, &tar);
  EXPECT_EQ(written.diff_id, blob.diff_id);
  EXPECT_EQ(image::Digest::of(base::as_bytes(tar.text)), blob.diff_id.digest);
}

TEST(EntriesLayer, WrittenUponFilesItReplacesAndMerges) {
  const test::TempDir temp;
  const TestTree target(temp, "target");
  target.dir("app", 0700);
  target.file("app/kept", "kept");
  target.file("app/old", "a longer text than the new one");
  target.file("clash", "a file where a directory goes");
  const std::vector<SourcedEntry> list = {entry("app"), text("app/new", "new"),
                                          text("app/old", "over"), entry("clash"),
                                          text("clash/in", "it")};
  write_entries_upon(list, target.root);
  EXPECT_EQ(target.read("app/kept"), "kept");
  EXPECT_EQ(target.read("app/new"), "new");
  EXPECT_EQ(target.read("app/old"), "over");
  EXPECT_EQ(target.read("clash/in"), "it");
  EXPECT_EQ(target.status("app").st_mode & 07777, 0755U);
  EXPECT_EQ(target.status("app").st_mtime, 1'600'000'000);
}

TEST(EntriesLayer, IncompleteOrUnsortedListsAreRefused) {
  const auto refuse = [](const std::vector<SourcedEntry>& list) {
    const test::TempDir temp;
    const TestTree target(temp, "target");
    EXPECT_THROW(write_entries_as_tar(list, nullptr), Error);
    EXPECT_THROW(write_entries_as_tree(list, target.root, 1), Error);
    EXPECT_EQ(target.paths().size(), 1U);
  };
  refuse({text("a/b", "x")});
  refuse({text("b", "x"), text("a", "x")});
  refuse({text("a", "x"), text("a", "x")});
  refuse({text("a", "x"), text("a/b", "x")});
  refuse({entry("a"), text("a/..", "x")});
  refuse({text("..", "x")});
  refuse({entry("d"), entry("h", FileEntry::Type::kHardLink)});
  refuse({entry("dev", FileEntry::Type::kCharDevice)});
}

TEST(EntriesLayer, AFileThatChangedIsAnError) {
  const test::TempDir temp;
  const TestTree source(temp, "source"), target(temp, "target");
  source.file("f", "12345");
  const std::vector<SourcedEntry> list = {from_file("f", source, "f")};
  source.file("f", "123456");
  EXPECT_THROW(write_entries_as_tar(list, nullptr), Error);
  EXPECT_THROW(write_entries_as_tree(list, target.root, 2), Error);
}

}  // namespace
}  // namespace bld::layers
