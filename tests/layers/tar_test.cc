// The tar that bld writes and the ones that it reads.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/file_io.h"
#include "base/process.h"
#include "layers/tar_reader.h"
#include "layers/tar_writer.h"
#include "layers/whiteout.h"
#include "tests/layers/tree.h"
#include "tests/support/tar_builder.h"

namespace bld::layers {
namespace {

using base::Error;
using test::TarBuilder;

struct Read {
  FileEntry entry;
  std::string content;
};

std::vector<Read> read_all(const std::string& tar, const TarLimits& limits = {}) {
  base::MemorySource source(tar);
  TarReader reader(source, limits);
  std::vector<Read> all;
  while (const FileEntry* entry = reader.next()) {
    all.push_back({*entry, base::read_to_end(reader.content(), 1 << 22)});
  }
  return all;
}

TEST(TarWriter, TheBytesOfATinyTarNeverChange) {
  base::StringSink tar;
  TarWriter writer(tar);
  FileEntry dir;
  dir.path = "d";
  dir.type = FileEntry::Type::kDirectory;
  dir.mode = 01777;
  dir.mtime_sec = 1'700'000'000;
  dir.mtime_nsec = 999;
  dir.opaque = true;
  writer.add(dir, nullptr);
  FileEntry file;
  file.path = "d/f";
  file.mode = 04755;
  file.uid = 1000;
  file.gid = 3'000'000;
  file.mtime_sec = -1;
  file.size = 5;
  file.xattrs["user.a"] = std::string("\0\n", 2);
  base::MemorySource content("hello");
  writer.add(file, &content);
  FileEntry whiteout;
  whiteout.path = "w";
  whiteout.type = FileEntry::Type::kWhiteout;
  writer.add(whiteout, nullptr);
  writer.finish();
  EXPECT_EQ(writer.entry_count(), 4U);
  EXPECT_EQ(tar.text.size(), writer.size_bytes());
  EXPECT_EQ(image::Digest::of(base::as_bytes(tar.text)).str(),
            "sha256:5eaa379a1c8d8856ed27b1b15274088fab5185b78d3d1af92acef19803258286");

  const std::string pax = TarBuilder::record("SCHILY.xattr.user.a", std::string("\0\n", 2)) +
                          TarBuilder::record("gid", "3000000") + TarBuilder::record("mtime", "-1");
  EXPECT_NE(tar.text.find(pax), std::string::npos);
  const auto all = read_all(tar.text);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[1].entry.path, "d/.wh..wh..opq");
  EXPECT_EQ(all[2].entry, file);
  EXPECT_EQ(all[2].content, "hello");
  EXPECT_EQ(all[3].entry.path, ".wh.w");
}

// Python does not set the times of links.
std::vector<FileEntry> without_link_times(std::vector<FileEntry> entries) {
  for (FileEntry& entry : entries) {
    if (entry.type == FileEntry::Type::kSymlink) entry.mtime_sec = 0;
  }
  return entries;
}

// What another reader shows for a tree with all that is hard to say in a tar.
TEST(TarWriter, OtherReadersListTheSame) {
  const test::TempDir temp;
  const TestTree tree(temp, "tree"), by_tar(temp, "by_tar"), by_python(temp, "by_python");
  for (const std::size_t size : {100U, 101U, 255U}) {
    tree.file("x/" + std::string(size, 'n'), "content", 0644);
    tree.file(std::string(size, 'd') + "/" + std::string(size, 'e') + "/" + std::string(size, 'f'),
              "c");
  }
  tree.file("a\nb", "newline");
  tree.file("f\xc3\xb6\xc3\xb6", "utf-8");
  tree.file(std::string(120, 'q') + "\xc3\xb6", "long utf-8");
  tree.file("set", "id", 06755);
  std::filesystem::create_symlink(std::string(200, 's'), tree / "symlink");
  std::filesystem::create_hard_link(tree / "set", tree / "x/hard");
  ::chown((tree / "a\nb").c_str(), 3'000'000, 4'000'000'000U);
  tree.touch("a\nb", 20'000'000'000);
  const std::string tar = tree.tar();
  temp.write("t.tar", tar);
  const std::string archive = (temp / "t.tar").string();
  const std::string gnu = "tar --numeric-owner -xpf " + archive + " -C " + by_tar.path.string();
  if (std::system("command -v tar >/dev/null") == 0) {
    ASSERT_EQ(std::system(gnu.c_str()), 0);
    EXPECT_EQ(by_tar.entries_in_seconds(), tree.entries_in_seconds());
  }
  const std::string python = "python3 -c \"import tarfile; tarfile.open('" + archive +
                             "').extractall('" + by_python.path.string() +
                             "', numeric_owner=True)\"";
  if (std::system("command -v python3 >/dev/null") == 0) {
    ASSERT_EQ(std::system(python.c_str()), 0);
    EXPECT_EQ(without_link_times(by_python.entries_in_seconds()),
              without_link_times(tree.entries_in_seconds()));
  }
}

TEST(TarReader, OldFormatsAreRead) {
  TarBuilder::Header v7;
  v7.name = "dir/";
  v7.type = '\0';
  v7.magic = "";
  TarBuilder::Header split;
  split.prefix = "pre/fix";
  split.name = "name";
  const std::string long_name = std::string(150, 'n') + "/" + std::string(149, 'm');
  const std::string long_link(300, 'l');
  TarBuilder::Header name, link;
  name.name = link.name = "././@LongLink";
  name.type = 'L';
  link.type = 'K';
  name.size = link.size = 301;
  const auto all = read_all(TarBuilder()
                                .header(v7)
                                .header(split)
                                .header(link)
                                .body(long_link + '\0')
                                .header(name)
                                .body(long_name + '\0')
                                .entry("short", '2', "short")
                                .finish());
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].entry.type, FileEntry::Type::kDirectory);
  EXPECT_EQ(all[0].entry.path, "dir");
  EXPECT_EQ(all[1].entry.path, "pre/fix/name");
  EXPECT_EQ(all[2].entry.path, long_name);
  EXPECT_EQ(all[2].entry.link, long_link);
}

TEST(TarReader, PaxRecordsCountForOneEntryAndGlobalOnesForAll) {
  const auto all = read_all(
      TarBuilder()
          .pax(TarBuilder::record("uid", "77") + TarBuilder::record("comment", "from git"), 'g')
          .pax(TarBuilder::record("path", "\xff/./real\n") + TarBuilder::record("mtime", "12.5"))
          .file("fake", "1")
          .file("second", "2")
          .finish());
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].entry.path, "\xff/real\n");
  EXPECT_EQ(all[0].entry.mtime_sec, 12);
  EXPECT_EQ(all[0].entry.mtime_nsec, 500'000'000U);
  EXPECT_EQ(all[0].entry.uid, 77U);
  EXPECT_EQ(all[1].entry.path, "second");
  EXPECT_EQ(all[1].entry.uid, 77U);
}

TEST(TarReader, SparseFilesOfGnuTarAreWhole) {
  if (std::system("command -v tar >/dev/null") != 0) GTEST_SKIP() << "no tar";
  for (const char* format :
       {"--format=gnu", "--format=posix --sparse-version=0.0",
        "--format=posix --sparse-version=0.1", "--format=posix --sparse-version=1.0"}) {
    const test::TempDir temp;
    const TestTree tree(temp, "tree"), out(temp, "out");
    tree.file("s", "");
    const base::UniqueFd fd(::open((tree / "s").c_str(), O_WRONLY | O_CLOEXEC));
    for (off_t at = 0; at < 50; ++at) {
      ASSERT_EQ(::pwrite(fd.get(), "data", 4, at * 100'000), 4);
    }
    ASSERT_EQ(::ftruncate(fd.get(), 6'000'001), 0);
    const std::string command = std::string("tar -S ") + format + " -cf " +
                                (temp / "t.tar").string() + " -C " + tree.path.string() + " s";
    ASSERT_EQ(std::system(command.c_str()), 0);
    out.apply(base::read_file(temp / "t.tar", 1 << 24));
    EXPECT_EQ(out.read("s"), tree.read("s")) << format;
    EXPECT_LT(std::filesystem::file_size(temp / "t.tar"), 1'000'000U) << format;
  }
}

TEST(TarReader, DamageIsAnError) {
  std::string wrong_sum = TarBuilder().file("f", "").finish();
  wrong_sum[0] = 'g';
  EXPECT_THROW(read_all(wrong_sum), Error);
  EXPECT_THROW(read_all(""), Error);
  EXPECT_THROW(read_all(std::string(511, '\0')), Error);
  EXPECT_THROW(read_all(TarBuilder().file("f", "").without_end()), Error);
  EXPECT_THROW(read_all(TarBuilder().pax("11 path=abc").file("f", "").finish()), Error);
  EXPECT_THROW(read_all(TarBuilder().pax("9999999999999999999 path=a\n").file("f", "").finish()),
               Error);
  EXPECT_THROW(read_all(TarBuilder().pax(TarBuilder::record("size", "-1")).file("f", "").finish()),
               Error);
  EXPECT_THROW(read_all(TarBuilder().pax(TarBuilder::record("path", "a")).finish()), Error);
  EXPECT_THROW(
      read_all(TarBuilder().pax(TarBuilder::record("uid", "4294967295")).file("f", "").finish()),
      Error);
  for (const char* map : {"0,4,2,1", "0,99", "5,1,0,4", "18446744073709551615,2", "0", "x,1"}) {
    const std::string records =
        TarBuilder::record("GNU.sparse.size", "10") + TarBuilder::record("GNU.sparse.map", map);
    EXPECT_THROW(read_all(TarBuilder().pax(records).file("f", "12345").finish()), Error) << map;
  }
}

TEST(TarReader, LimitsHold) {
  TarLimits limits;
  limits.entries = 2;
  EXPECT_THROW(read_all(TarBuilder().file("a", "").file("b", "").file("c", "").finish(), limits),
               Error);
  const auto with_path = [](const std::string& path) {
    return TarBuilder().pax(TarBuilder::record("path", path)).file("f", "").finish();
  };
  EXPECT_THROW(read_all(with_path(std::string(256, 'n'))), Error);
  std::string deep;
  for (int i = 0; i < 4096; ++i) deep += "d/";
  EXPECT_EQ(read_all(with_path(deep + "/")).size(), 1U);
  EXPECT_THROW(read_all(with_path(deep + "e")), Error);
  EXPECT_THROW(
      read_all(TarBuilder()
                   .pax(TarBuilder::record("SCHILY.xattr.user.a", std::string(70'000, 'a')))
                   .file("f", "")
                   .finish()),
      Error);
  EXPECT_THROW(read_all(TarBuilder()
                            .pax(TarBuilder::record("comment", std::string(1 << 20, 'c')))
                            .file("f", "")
                            .finish()),
               Error);
}

TEST(Whiteout, NamesMeanWhatTheySay) {
  using Kind = WhiteoutName::Kind;
  EXPECT_EQ(parse_whiteout("a/b").kind, Kind::kNone);
  EXPECT_EQ(parse_whiteout("a/.wh.b").path, "a/b");
  EXPECT_EQ(parse_whiteout(".wh.b").path, "b");
  EXPECT_EQ(parse_whiteout("a/.wh..wh..opq").path, "a");
  EXPECT_EQ(parse_whiteout(".wh..wh..opq").kind, Kind::kOpaque);
  EXPECT_EQ(parse_whiteout(".wh.d/f").kind, Kind::kNone);
  EXPECT_EQ(whiteout_path("a/b"), "a/.wh.b");
  EXPECT_EQ(opaque_path(""), ".wh..wh..opq");
}

}  // namespace
}  // namespace bld::layers
