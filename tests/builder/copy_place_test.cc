#include <fcntl.h>
#include <sys/xattr.h>

#include "tests/builder/copy_fixture.h"

namespace bld::builder {
namespace {

class CopyPlace : public CopyFixture {
 protected:
  CopyPlace() {
    context.write("a.txt", "A");
    context.write("d/f", "F");
  }
};

TEST_F(CopyPlace, AFileGoesToANameOrIntoAFolder) {
  std::filesystem::create_directory(image / "isdir");
  image.write("isfile", "old");
  EXPECT_EQ(layer(copy({"a.txt"}, "/name")), Lines{"f0644 name=A"});
  EXPECT_EQ(layer(copy({"a.txt"}, "/new/")), (Lines{"d0755 new", "f0644 new/a.txt=A"}));
  EXPECT_EQ(layer(copy({"a.txt"}, "/new/.")), (Lines{"d0755 new", "f0644 new/a.txt=A"}));
  EXPECT_EQ(layer(copy({"a.txt"}, "/isdir")), (Lines{"d0755 isdir", "f0644 isdir/a.txt=A"}));
  EXPECT_EQ(layer(copy({"a.txt"}, "/isfile")), Lines{"f0644 isfile=A"});
  EXPECT_EQ(layer(copy({"a.txt"}, "/deep/er/name")),
            (Lines{"d0755 deep", "d0755 deep/er", "f0644 deep/er/name=A"}));
  EXPECT_EQ(layer(copy({"a.txt"}, "/")), Lines{"f0644 a.txt=A"});
}

TEST_F(CopyPlace, FoldersAboveAreCarriedOverAsTheyAre) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs chown";
  std::filesystem::create_directories(image / "have/it");
  chmod(image / "have", 01711);
  ASSERT_EQ(::chown((image / "have").c_str(), 7, 8), 0);
  touch(image / "have", 1234567);
  const auto entries = placed(copy({"a.txt"}, "/have/it/new/"));
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(describe(entries[0]), "d1711(7:8) have");
  EXPECT_EQ(entries[0].entry.mtime_sec, 1234567);
  EXPECT_EQ(describe(entries[1]), "d0755 have/it");
  EXPECT_EQ(describe(entries[2]), "d0755 have/it/new");
  EXPECT_EQ(entries[2].entry.mtime_sec, 0);
}

TEST_F(CopyPlace, TheDestinationKeepsItsModeAndFoldersInItTakeTheSources) {
  std::filesystem::create_directories(image / "dst/sub");
  chmod(image / "dst", 0700);
  chmod(image / "dst/sub", 0700);
  context.write("d/sub/g", "G");
  chmod(context / "d/sub", 02775);
  EXPECT_EQ(layer(copy({"d"}, "/dst")),
            (Lines{"d0700 dst", "f0644 dst/f=F", "d2775 dst/sub", "f0644 dst/sub/g=G"}));
}

TEST_F(CopyPlace, LinksInTheDestinationAreFollowedInsideTheImage) {
  std::filesystem::create_directory(image / "real");
  link("real", image / "link");
  link("/real/abs", image / "filelink");
  link("nowhere", image / "dangling");
  link("../../../real", image / "real/up");
  EXPECT_EQ(layer(copy({"a.txt"}, "/link/a")), (Lines{"d0755 real", "f0644 real/a=A"}));
  EXPECT_EQ(layer(copy({"a.txt"}, "/link/")), (Lines{"d0755 real", "f0644 real/a.txt=A"}));
  EXPECT_EQ(layer(copy({"d"}, "/link")), (Lines{"d0755 real", "f0644 real/f=F"}));
  EXPECT_EQ(layer(copy({"a.txt"}, "/filelink")), (Lines{"d0755 real", "f0644 real/abs=A"}));
  EXPECT_EQ(layer(copy({"a.txt"}, "/dangling")), Lines{"f0644 nowhere=A"});
  EXPECT_EQ(layer(copy({"a.txt"}, "/real/up/x")), (Lines{"d0755 real", "f0644 real/x=A"}));
}

TEST_F(CopyPlace, ALinkAtTheNameOfACopiedFileIsReplaced) {
  std::filesystem::create_directory(image / "dst");
  link("/etc/passwd", image / "dst/a.txt");
  EXPECT_EQ(layer(copy({"a.txt"}, "/dst/")), (Lines{"d0755 dst", "f0644 dst/a.txt=A"}));
}

TEST_F(CopyPlace, ACycleOfLinksIsAnError) {
  link("b", image / "a");
  link("a", image / "b");
  EXPECT_NE(error_of(copy({"a.txt"}, "/a/x")), "no error");
}

TEST_F(CopyPlace, ClashesAreErrors) {
  image.write("file", "x");
  image.write("dst/f/below", "x");
  link("elsewhere", image / "l/sub");
  context.write("e/sub/x", "");
  EXPECT_NE(error_of(copy({"d"}, "/file")).find("/file"), std::string::npos);
  EXPECT_NE(error_of(copy({"a.txt"}, "/file/")).find("/file"), std::string::npos);
  EXPECT_NE(error_of(copy({"a.txt"}, "/file/below/x")).find("/file"), std::string::npos);
  EXPECT_EQ(error_of(copy({"d"}, "/dst")), "cannot copy a file over the folder \"/dst/f\"");
  EXPECT_EQ(error_of(copy({"e"}, "/l")), "cannot copy a folder over the link \"/l/sub\"");
}

TEST_F(CopyPlace, SourcesThatClashAmongThemselvesAreAnError) {
  context.write("one/x/y", "");
  context.write("two/x", "");
  EXPECT_EQ(error_of(copy({"one", "two"}, "/dst/")),
            "the sources have both a folder and a file for \"/dst/x\"");
}

TEST_F(CopyPlace, SeveralSourcesNeedAFolder) {
  context.write("b.txt", "B");
  EXPECT_NE(error_of(copy({"a.txt", "b.txt"}, "/dst")).find("\"/dst\""), std::string::npos);
  EXPECT_NE(error_of(copy({"*.txt"}, "/dst")).find("\"/dst\""), std::string::npos);
  std::filesystem::create_directory(image / "dst");
  EXPECT_EQ(layer(copy({"*.txt"}, "/dst")),
            (Lines{"d0755 dst", "f0644 dst/a.txt=A", "f0644 dst/b.txt=B"}));
}

TEST_F(CopyPlace, LaterSourcesWin) {
  context.write("d1/same", "one");
  context.write("d1/only", "1");
  context.write("d2/same", "two");
  EXPECT_EQ(layer(copy({"a.txt", "d1", "d2/"}, "/dst/")),
            (Lines{"d0755 dst", "f0644 dst/a.txt=A", "f0644 dst/only=1", "f0644 dst/same=two"}));
  EXPECT_EQ(layer(copy({"d2", "d1"}, "/dst/")),
            (Lines{"d0755 dst", "f0644 dst/only=1", "f0644 dst/same=one"}));
}

TEST_F(CopyPlace, AHardLinkWhoseFirstNameWasReplacedBecomesTheFile) {
  context.write("h/x", "h");
  std::filesystem::create_hard_link(context / "h/x", context / "h/y");
  context.write("over/x", "new");
  EXPECT_EQ(layer(copy({"h", "over"}, "/t/")), (Lines{"d0755 t", "f0644 t/x=new", "f0644 t/y=h"}));
}

TEST_F(CopyPlace, TheLinkFlagDoesNotLookBelow) {
  std::filesystem::create_directory(image / "dst");
  chmod(image / "dst", 0700);
  link("/dst", image / "sl");
  image.write("file", "x");
  CopyOperation operation = copy({"a.txt"}, "/dst/");
  operation.link = true;
  EXPECT_EQ(layer(operation), (Lines{"d0755 dst", "f0644 dst/a.txt=A"}));
  operation.destination = "/sl/x";
  operation.chown = "1:2";
  EXPECT_EQ(layer(operation), (Lines{"d0755(1:2) sl", "f0644(1:2) sl/x=A"}));
  operation = copy({"d"}, "/file");
  operation.link = true;
  EXPECT_EQ(layer(operation), (Lines{"d0755 file", "f0644 file/f=F"}));
}

TEST_F(CopyPlace, OctalChmodAlsoMeansNewFoldersWithoutSpecialBits) {
  context.write("d/s/f", "F");
  std::filesystem::create_directory(image / "have");
  CopyOperation operation = copy({"d/s"}, "/have/sticky/");
  operation.chmod = "1755";
  EXPECT_EQ(layer(operation), (Lines{"d0755 have", "d0755 have/sticky", "f1755 have/sticky/f=F"}));
  operation = copy({"d"}, "/dir/");
  operation.chmod = "0751";
  EXPECT_EQ(layer(operation),
            (Lines{"d0751 dir", "f0751 dir/f=F", "d0751 dir/s", "f0751 dir/s/f=F"}));
}

TEST_F(CopyPlace, SymbolicChmodMeansOnlyWhatIsCopied) {
  context.write("d/s/run", "");
  link("f", context / "d/l");
  chmod(context / "d/s/run", 0755);
  chmod(context / "d/s", 0775);
  CopyOperation operation = copy({"d"}, "/private/");
  operation.chmod = "go-rwx";
  EXPECT_EQ(layer(operation), (Lines{"d0755 private", "f0600 private/f=F", "l private/l->f",
                                     "d0700 private/s", "f0700 private/s/run="}));
  operation.chmod = "9z9";
  EXPECT_NE(error_of(operation).find("9z9"), std::string::npos);
}

TEST_F(CopyPlace, ChownByNumberAndByTheImagesNames) {
  image.write("etc/passwd", "root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\n");
  image.write("etc/group", "root:x:0:\ndaemon:x:1:\nwww:x:33:\n");
  const auto owned = [&](const std::string& chown) {
    CopyOperation operation = copy({"a.txt"}, "/n/x");
    operation.chown = chown;
    return layer(operation);
  };
  EXPECT_EQ(owned("1:2"), (Lines{"d0755(1:2) n", "f0644(1:2) n/x=A"}));
  EXPECT_EQ(owned("3"), (Lines{"d0755(3:3) n", "f0644(3:3) n/x=A"}));
  EXPECT_EQ(owned("daemon:www"), (Lines{"d0755(1:33) n", "f0644(1:33) n/x=A"}));
  EXPECT_EQ(owned("daemon"), (Lines{"d0755(1:1) n", "f0644(1:1) n/x=A"}));
  EXPECT_EQ(owned(":9"), (Lines{"d0755(0:9) n", "f0644(0:9) n/x=A"}));
  CopyOperation operation = copy({"a.txt"}, "/x");
  operation.chown = "nosuchuser";
  EXPECT_NE(error_of(operation).find("nosuchuser"), std::string::npos);
}

TEST_F(CopyPlace, OwnersOfAnImagesFilesAreKept) {
  context.write("d/f", "F");
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown((context / "d/f").c_str(), 12, 34), 0);
  }
  CopyOperation operation = copy({"d"}, "/x");
  const auto file = [&](SourceOwners owners) {
    const Selection files = select(operation, {.root = &context_root, .owners = owners});
    return place(operation, files, DirectoryFiles(image_root), scratch_root).back().entry;
  };
  const auto status = context_root.lstat("d/f");
  ASSERT_NE(status->st_uid, 0U);
  EXPECT_EQ(file(SourceOwners::kRoot).uid, 0U);
  EXPECT_EQ(file(SourceOwners::kKept).uid, status->st_uid);
  EXPECT_EQ(file(SourceOwners::kKept).gid, status->st_gid);
  operation.chown = "5:6";
  EXPECT_EQ(file(SourceOwners::kKept).uid, 5U);
}

TEST_F(CopyPlace, OwnersThatAreKeptArePartOfTheDigest) {
  context.write("f", "F");
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown((context / "f").c_str(), 12, 34), 0);
  }
  const CopyOperation operation = copy({"f"}, "/x");
  EXPECT_NE(select(operation, {.root = &context_root, .owners = SourceOwners::kKept}).digest(),
            select(operation, {.root = &context_root}).digest());
}

TEST_F(CopyPlace, HeredocsAreFilesOfRoot) {
  CopyOperation operation = copy({}, "/plain");
  operation.sources = {InlineFile{"EOF", "text\n"}};
  EXPECT_EQ(layer(operation), Lines{"f0644 plain=text\n"});
  operation.sources = {InlineFile{"one", "1"}, "a.txt", InlineFile{"two", ""}};
  operation.destination = "/d/";
  operation.chmod = "0640";
  operation.chown = "5:6";
  EXPECT_EQ(layer(operation), (Lines{"d0640(5:6) d", "f0640(5:6) d/a.txt=A", "f0640(5:6) d/one=1",
                                     "f0640(5:6) d/two="}));
  for (const auto& entry : placed(operation)) {
    if (entry.entry.path == "d/one") {
      EXPECT_EQ(entry.entry.mtime_sec, 0);
    }
  }
}

TEST_F(CopyPlace, ModesTimesAndAttributesComeAlong) {
  chmod(context / "a.txt", 06755);
  touch(context / "a.txt", 86400);
  const bool has_xattr = ::setxattr((context / "a.txt").c_str(), "user.note", "hi", 2, 0) == 0;
  const auto entries = placed(copy({"a.txt"}, "/x"));
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].entry.mode, 06755U);
  EXPECT_EQ(entries[0].entry.mtime_sec, 86400);
  if (has_xattr) {
    EXPECT_EQ(entries[0].entry.xattrs.at("user.note"), "hi");
  }
}

TEST_F(CopyPlace, AnAttributeChangesTheDigest) {
  const auto before = selected(copy({"a.txt"}, "/x")).digest();
  if (::setxattr((context / "a.txt").c_str(), "user.note", "hi", 2, 0) != 0) {
    GTEST_SKIP() << "no user attributes on this file system";
  }
  EXPECT_NE(selected(copy({"a.txt"}, "/x")).digest(), before);
}

TEST_F(CopyPlace, AFileThatChangesAfterItWasSelectedIsAnError) {
  const CopyOperation operation = copy({"a.txt"}, "/x");
  touch(context / "a.txt", 1);
  const Selection selection = selected(operation);
  const auto entries = place(operation, selection, DirectoryFiles(image_root), scratch_root);
  context.write("a.txt", "B");
  EXPECT_THROW(content_of(entries.at(0)), base::Error);
}

TEST_F(CopyPlace, AFileThatBecameALinkIsNotFollowed) {
  const CopyOperation operation = copy({"d"}, "/x");
  const auto entries =
      place(operation, selected(operation), DirectoryFiles(image_root), scratch_root);
  std::filesystem::remove_all(context / "d");
  link("/etc", context / "d");
  EXPECT_THROW(content_of(entries.at(1)), base::Error);
}

TEST_F(CopyPlace, TheListIsATree) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs chown";
  context.write("d/sub/g", "G");
  link("g", context / "d/sub/l");
  std::filesystem::create_hard_link(context / "d/f", context / "d/sub/h");
  touch(context / "d/f", 77);
  CopyOperation operation = copy({"d", "a.txt"}, "/opt/app/");
  operation.chown = "5:6";
  const test::TempDir tree;
  layers::write_entries_as_tree(placed(operation), base::RootedDir::open(tree.path()));
  struct stat status;
  ASSERT_EQ(::lstat((tree / "opt/app/f").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 5U);
  EXPECT_EQ(status.st_gid, 6U);
  EXPECT_EQ(status.st_nlink, 2U);
  EXPECT_EQ(status.st_mtim.tv_sec, 77);
  EXPECT_EQ(std::filesystem::read_symlink(tree / "opt/app/sub/l"), "g");
  EXPECT_EQ(base::read_file(tree / "opt/app/sub/h", 100), "F");
  EXPECT_EQ(base::read_file(tree / "opt/app/a.txt", 100), "A");
}

}  // namespace
}  // namespace bld::builder
