// Tree → tar → tree: nothing is lost, and the bytes are the same again.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "tests/layers/tree.h"

namespace bld::layers {
namespace {

using base::Error;

void fill(const TestTree& tree) {
  tree.file("usr/bin/su", "set-id", 04755);
  tree.file("usr/bin/mail", "set-gid", 02755);
  tree.file("etc/empty", "");
  tree.file("etc/secret", "s", 0);
  tree.dir("tmp", 01777);
  tree.file("name with\nnewline", "n");
  tree.file("bytes \x80\xff\xfe", "b");
  tree.file("-a", "sorts before slash");
  tree.file("a-b", "x");
  tree.file("a/b", "y");
  tree.file("a.c", "z");
  std::filesystem::create_symlink("../etc/empty", tree / "usr/link");
  std::filesystem::create_symlink(std::string(300, 'l'), tree / "usr/long-link");
  std::filesystem::create_hard_link(tree / "usr/bin/su", tree / "usr/bin/sudo");
  std::filesystem::create_hard_link(tree / "usr/bin/su", tree / "a/su");
  ::mkfifo((tree / "fifo").c_str(), 0640);
  ::lchown((tree / "usr/link").c_str(), 1000, 1001);
  ::chown((tree / "etc/empty").c_str(), 12, 34);
  ::chown((tree / "a/b").c_str(), 4'000'000'000U, 3'000'000U);
  ::setxattr((tree / "etc/empty").c_str(), "user.note", "a\0b\n=", 5, 0);
  ::setxattr((tree / "tmp").c_str(), "user.dir", "d", 1, 0);
  tree.whiteout("etc/gone");
  tree.dir("opaque");
  tree.file("opaque/new", "n");
  tree.opaque("opaque");
  for (const std::size_t size : {99U, 100U, 101U, 154U, 155U, 156U, 254U, 255U}) {
    tree.file("names/" + std::string(size, 'n'), "x");
    tree.dir("dirs/" + std::string(size, 'd'));
    tree.file("deep/" + std::string(size, 'e') + "/" + std::string(size, 'f'), "x");
  }
  tree.touch("usr", -5);
  tree.touch("etc/empty", 1'700'000'000);
  tree.touch("a", 5'000'000'000);
}

std::vector<FileEntry> without_nanoseconds(std::vector<FileEntry> entries) {
  for (FileEntry& entry : entries) {
    entry.mtime_nsec = 0;
    if (entry.type == FileEntry::Type::kWhiteout) {
      FileEntry plain;
      plain.path = entry.path;
      plain.type = entry.type;
      entry = plain;
    }
  }
  return entries;
}

TEST(RoundTrip, TreeTarTreeKeepsEverythingAndTheDigest) {
  const test::TempDir temp;
  const TestTree from(temp, "from"), to(temp, "to");
  fill(from);
  SealOptions options;
  options.parent_root = FileEntry();  // differs: the root is written as well
  base::StringSink tar;
  const SealedLayer sealed = seal(from.root, options, &tar);
  EXPECT_EQ(sealed.tar_size, tar.text.size());
  EXPECT_EQ(sealed.diff_id.digest, image::Digest::of(base::as_bytes(tar.text)));

  const AppliedLayer applied = to.apply(tar.text);
  EXPECT_EQ(applied.diff_id, sealed.diff_id);
  EXPECT_EQ(applied.tar_size, sealed.tar_size);
  EXPECT_EQ(applied.entry_count, sealed.entry_count);
  EXPECT_FALSE(applied.implied_parents);
  EXPECT_EQ(without_nanoseconds(from.entries()), without_nanoseconds(to.entries()));
  EXPECT_EQ(to.read("opaque/new"), "n");
  EXPECT_EQ(to.status("usr/bin/su").st_ino, to.status("a/su").st_ino);

  EXPECT_EQ(seal(to.root, options).diff_id, sealed.diff_id);
}

TEST(RoundTrip, EntriesComeInTreeOrder) {
  const test::TempDir temp;
  const TestTree tree(temp, "tree");
  fill(tree);
  const auto entries = tree.entries();
  EXPECT_EQ(entries.front().path, "");
  EXPECT_TRUE(std::is_sorted(entries.begin(), entries.end(), tree_order));
  const auto paths = tree.paths();
  const auto at = std::find(paths.begin(), paths.end(), "a");
  ASSERT_LT(at + 4, paths.end());
  EXPECT_EQ(at[1], "a/b");
  EXPECT_EQ(at[2], "a/su");
  EXPECT_EQ(at[3], "a-b");
}

TEST(RoundTrip, SparseGigabyteStaysSparseAndTakesLittle) {
  const test::TempDir temp;
  const TestTree from(temp, "from"), to(temp, "to");
  from.file("big", "head");
  ASSERT_EQ(::truncate((from / "big").c_str(), 1 << 30), 0);
  const base::UniqueFd fd(::open((from / "big").c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(::pwrite(fd.get(), "middle", 6, 500'000'123), 6);
  const base::UniqueFd blob(::open((temp / "blob").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  base::FdSink sink(blob.get());
  const auto compressor = compress(sink, {});
  const SealedLayer sealed = seal(from.root, {}, compressor.get());
  compressor->finish();
  EXPECT_EQ(sealed.tar_size, (1U << 30) + 512 + 1024);
  ASSERT_EQ(::lseek(blob.get(), 0, SEEK_SET), 0);
  base::FdSource source(blob.get());
  EXPECT_EQ(apply(source, to.root, {}).diff_id, sealed.diff_id);
  EXPECT_EQ(to.status("big").st_size, 1 << 30);
  EXPECT_LT(to.status("big").st_blocks * 512, 4 << 20);
}

TEST(RoundTrip, DepthOf4096Works) {
  const test::TempDir temp;
  const TestTree from(temp, "from"), to(temp, "to");
  base::UniqueFd dir =
      from.root.duplicate().fd() >= 0 ? base::UniqueFd(::dup(from.root.fd())) : base::UniqueFd();
  for (int i = 0; i < 4095; ++i) {
    ASSERT_EQ(::mkdirat(dir.get(), "d", 0755), 0);
    dir.reset(::openat(dir.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ASSERT_EQ(::mknodat(dir.get(), "f", S_IFREG | 0644, 0), 0);
  ASSERT_EQ(::linkat(dir.get(), "f", dir.get(), "g", 0), 0);
  base::StringSink tar;
  const SealedLayer sealed = seal(from.root, {}, &tar);
  EXPECT_EQ(sealed.entry_count, 4097U);
  EXPECT_EQ(to.apply(tar.text).diff_id, sealed.diff_id);
  EXPECT_EQ(seal(to.root, {}).diff_id, sealed.diff_id);
}

TEST(Seal, RootIsWrittenOnlyWhereItDiffers) {
  const test::TempDir temp;
  const TestTree tree(temp, "tree");
  ::chmod(tree.path.c_str(), 0755);
  tree.file("f", "");
  EXPECT_EQ(seal(tree.root, {}).entry_count, 1U);
  SealOptions options;
  options.parent_root = root_entry(tree.root);
  options.parent_root->mtime_sec = 1;
  EXPECT_EQ(seal(tree.root, options).entry_count, 1U);
  options.parent_root->mode = 0700;
  EXPECT_EQ(seal(tree.root, options).entry_count, 2U);
}

TEST(Seal, ClampsLaterTimesOnly) {
  const test::TempDir temp;
  const TestTree from(temp, "from"), to(temp, "to");
  from.file("old", "", 0644, 100);
  from.file("new", "", 0644, 5000);
  SealOptions options;
  options.max_mtime = 1000;
  to.apply(from.tar(options));
  EXPECT_EQ(to.status("old").st_mtim.tv_sec, 100);
  EXPECT_EQ(to.status("new").st_mtim.tv_sec, 1000);
}

TEST(Seal, OverlaysOwnXattrsAndForeignOnesStayOutside) {
  const test::TempDir temp;
  const TestTree from(temp, "from");
  from.file("f", "");
  ::setxattr((from / "f").c_str(), "user.overlay.origin", "x", 1, 0);
  ::setxattr((from / "f").c_str(), "trusted.any", "x", 1, 0);
  EXPECT_EQ(from.tar().find("overlay"), std::string::npos);
  EXPECT_EQ(from.tar().find("trusted"), std::string::npos);
}

TEST(Seal, ANameLikeAWhiteoutIsAnErrorAndNeverHidesAnything) {
  const test::TempDir temp;
  const TestTree from(temp, "from");
  from.file("d/.wh.etc", "");
  EXPECT_THROW(seal(from.root, {}), Error);
}

}  // namespace
}  // namespace bld::layers
