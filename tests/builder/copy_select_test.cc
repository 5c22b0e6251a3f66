#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "tests/builder/copy_fixture.h"

namespace bld::builder {
namespace {

using CopySelect = CopyFixture;

TEST_F(CopySelect, AFoldersContentsAreMeantNotTheFolder) {
  context.write("d/f", "F");
  context.write("d/sub/g", "G");
  chmod(context / "d/sub", 0700);
  EXPECT_EQ(layer(copy({"d"}, "/")), (Lines{"f0644 f=F", "d0700 sub", "f0644 sub/g=G"}));
  EXPECT_EQ(layer(copy({"d/"}, "/")), layer(copy({"d"}, "/")));
  EXPECT_EQ(layer(copy({"."}, "/")),
            (Lines{"d0755 d", "f0644 d/f=F", "d0700 d/sub", "f0644 d/sub/g=G"}));
}

TEST_F(CopySelect, NothingLeavesTheContext) {
  context.write("a.txt", "A");
  context.write("d/f", "F");
  link("/../../a.txt", context / "out");
  EXPECT_EQ(layer(copy({"../a.txt"}, "/1")), Lines{"f0644 1=A"});
  EXPECT_EQ(layer(copy({"/a.txt"}, "/2")), Lines{"f0644 2=A"});
  EXPECT_EQ(layer(copy({"d/../../../a.txt"}, "/3")), Lines{"f0644 3=A"});
  EXPECT_EQ(layer(copy({"/../d/./f"}, "/4")), Lines{"f0644 4=F"});
  EXPECT_EQ(layer(copy({"out"}, "/5")), Lines{"f0644 5=A"});
}

TEST_F(CopySelect, PatternsMatchInByteOrderAndWithinOneFolder) {
  for (const char* name : {"b.txt", "a.txt", ".h.txt", "cc.txt", "x/d.txt"})
    context.write(name, "");
  EXPECT_EQ(
      layer(copy({"*.txt"}, "/d/")),
      (Lines{"d0755 d", "f0644 d/.h.txt=", "f0644 d/a.txt=", "f0644 d/b.txt=", "f0644 d/cc.txt="}));
  EXPECT_EQ(layer(copy({"?.txt"}, "/d/")), (Lines{"d0755 d", "f0644 d/a.txt=", "f0644 d/b.txt="}));
  EXPECT_EQ(layer(copy({"[^a].txt"}, "/d/")), (Lines{"d0755 d", "f0644 d/b.txt="}));
  EXPECT_EQ(layer(copy({"*/d.*"}, "/d/")), (Lines{"d0755 d", "f0644 d/d.txt="}));
}

TEST_F(CopySelect, APatternWithoutMatchIsNoSource) {
  context.write("a.txt", "A");
  EXPECT_EQ(layer(copy({"a.txt", "maybe*"}, "/d/")), (Lines{"d0755 d", "f0644 d/a.txt=A"}));
  EXPECT_EQ(layer(copy({"*.nope"}, "/d/")), Lines{});
}

TEST_F(CopySelect, AMissingSourceIsNamedAndTheLikelyOneSuggested) {
  context.write("src/Main.c", "");
  EXPECT_EQ(error_of(copy({"nope"}, "/x")), "\"/nope\": not found");
  EXPECT_EQ(error_of(copy({"src/main.c"}, "/x")),
            "\"/src/main.c\": not found (did you mean src/Main.c?)");
  EXPECT_EQ(error_of(copy({"no/such/folder"}, "/x")), "\"/no/such/folder\": not found");
  EXPECT_EQ(error_of(copy({"scr/Main.c"}, "/x")),
            "\"/scr/Main.c\": not found (did you mean src/Main.c?)");
  EXPECT_EQ(error_of(copy({"scr/other"}, "/x")), "\"/scr/other\": not found (did you mean src?)");
  EXPECT_EQ(error_of(copy({"../nope"}, "/x")),
            "\"/nope\": not found (\"..\" does not lead out of the build context)");
  ignore = dockerfile::IgnoreFile::parse("src\n");
  EXPECT_EQ(error_of(copy({"scr"}, "/x")), "\"/scr\": not found");
}

TEST_F(CopySelect, ABackslashInANameIsALetterUntilNothingHasThatName) {
  context.write("back\\slash", "B");
  context.write("star*", "S");
  EXPECT_EQ(layer(copy({"back\\slash"}, "/x")), Lines{"f0644 x=B"});
  EXPECT_EQ(layer(copy({"star\\*"}, "/x")), Lines{"f0644 x=S"});
}

TEST_F(CopySelect, LinksAreFollowedAtTheTopAndKeptInsideFolders) {
  context.write("a.txt", "A");
  context.write("d/f", "F");
  link("a.txt", context / "tofile");
  link("/d", context / "todir");
  link("../a.txt", context / "d/up");
  link("/etc/passwd", context / "d/abs");
  link("nowhere", context / "d/dangling");
  EXPECT_EQ(layer(copy({"tofile"}, "/1")), Lines{"f0644 1=A"});
  EXPECT_EQ(layer(copy({"todir/f"}, "/3")), Lines{"f0644 3=F"});
  EXPECT_EQ(layer(copy({"to*"}, "/5/")),
            (Lines{"d0755 5", "l 5/abs->/etc/passwd", "l 5/dangling->nowhere", "f0644 5/f=F",
                   "f0644 5/tofile=A", "l 5/up->../a.txt"}));
}

TEST_F(CopySelect, DanglingAndCyclicLinksAreErrors) {
  link("nowhere", context / "dangling");
  link("loop", context / "loop");
  EXPECT_NE(error_of(copy({"dangling"}, "/x")).find("nowhere"), std::string::npos);
  EXPECT_NE(error_of(copy({"dang*"}, "/x")).find("nowhere"), std::string::npos);
  EXPECT_NE(error_of(copy({"loop"}, "/x")).find("loop"), std::string::npos);
}

TEST_F(CopySelect, SpecialFilesInFolders) {
  std::filesystem::create_directory(context / "d");
  ASSERT_EQ(::mkfifo((context / "d/pipe").c_str(), 0644), 0);
  chmod(context / "d/pipe", 0644);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (context / "d/sock").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<struct sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
  EXPECT_EQ(layer(copy({"d"}, "/")), Lines{"p0644 pipe"});
  EXPECT_NE(error_of(copy({"d/sock"}, "/")).find("socket"), std::string::npos);
}

TEST_F(CopySelect, HardLinksLastWithinOneSource) {
  context.write("d/x", "h");
  std::filesystem::create_hard_link(context / "d/x", context / "d/y");
  std::filesystem::create_directory(context / "d/s");
  std::filesystem::create_hard_link(context / "d/x", context / "d/s/z");
  EXPECT_EQ(layer(copy({"d"}, "/d")),
            (Lines{"d0755 d", "d0755 d/s", "f0644 d/s/z=h", "h d/x==d/s/z", "h d/y==d/s/z"}));
  EXPECT_EQ(layer(copy({"d/x", "d/y"}, "/t/")), (Lines{"d0755 t", "f0644 t/x=h", "f0644 t/y=h"}));
}

TEST_F(CopySelect, ExcludesAreRelativeToTheSource) {
  for (const char* name : {"r.md", "a", "sub/s.md", "sub/keep", "d/sub/g", "d/f"}) {
    context.write(name, "");
  }
  CopyOperation operation = copy({"."}, "/");
  operation.excludes = {"*.md"};
  EXPECT_EQ(layer(operation),
            (Lines{"f0644 a=", "d0755 d", "f0644 d/f=", "d0755 d/sub",
                   "f0644 d/sub/g=", "d0755 sub", "f0644 sub/keep=", "f0644 sub/s.md="}));
  operation.excludes = {"**/*.md", "sub/keep"};
  EXPECT_EQ(layer(operation), (Lines{"f0644 a=", "d0755 d", "f0644 d/f=", "d0755 d/sub",
                                     "f0644 d/sub/g=", "d0755 sub"}));
  operation = copy({"d"}, "/");
  operation.excludes = {"sub"};
  EXPECT_EQ(layer(operation), Lines{"f0644 f="});
  operation.excludes = {"sub", "!sub/g"};
  EXPECT_EQ(layer(operation), (Lines{"f0644 f=", "d0755 sub", "f0644 sub/g="}));
}

TEST_F(CopySelect, ExcludesAlsoHoldForFilesThatASourceNames) {
  for (const char* name : {"a.txt", "b.txt", "keep", "r.md"}) context.write(name, "");
  CopyOperation operation = copy({"*.txt"}, "/1/");
  operation.excludes = {"a.txt"};
  EXPECT_EQ(layer(operation), (Lines{"d0755 1", "f0644 1/b.txt="}));
  operation = copy({"*.txt", "keep", "r.md"}, "/2/");
  operation.excludes = {"*.md", "b*"};
  EXPECT_EQ(layer(operation), (Lines{"d0755 2", "f0644 2/a.txt=", "f0644 2/keep="}));
}

TEST_F(CopySelect, IgnoredFilesAreNotThere) {
  for (const char* name : {"keep.txt", "other.txt", "d/out", "d/in/yes", "d/in/not", "e/f"}) {
    context.write(name, "");
  }
  ignore = dockerfile::IgnoreFile::parse("*\n!keep.txt\n!d/in\nd/in/not\n!/e\n");
  EXPECT_EQ(layer(copy({"."}, "/")), (Lines{"d0755 d", "d0755 d/in", "f0644 d/in/yes=", "d0755 e",
                                            "f0644 e/f=", "f0644 keep.txt="}));
  EXPECT_EQ(layer(copy({"*.txt"}, "/x/")), (Lines{"d0755 x", "f0644 x/keep.txt="}));
  EXPECT_EQ(error_of(copy({"other.txt"}, "/x")),
            "\"/other.txt\": not found (it is hidden by line 1 of .containerignore: *)");
  EXPECT_EQ(error_of(copy({"d/in/not"}, "/x")),
            "\"/d/in/not\": not found (it is hidden by line 4 of .containerignore: d/in/not)");
}

TEST_F(CopySelect, AFolderWhoseContentsAreIgnoredIsEmpty) {
  context.write("d/f", "");
  context.write("gone/f", "");
  context.write("secret", "");
  link("secret", context / "peek");
  ignore = dockerfile::IgnoreFile::parse("d/*\ngone\nsecret\n");
  EXPECT_EQ(layer(copy({"."}, "/")), (Lines{"d0755 d", "l peek->secret"}));
  EXPECT_EQ(layer(copy({"d"}, "/x")), Lines{"d0755 x"});
  EXPECT_NE(error_of(copy({"gone"}, "/x")).find("not found"), std::string::npos);
  EXPECT_NE(error_of(copy({"peek"}, "/x")).find("not found"), std::string::npos);
}

TEST_F(CopySelect, ParentsKeepsTheFoldersOfTheSource) {
  context.write("x/a.txt", "A");
  context.write("y/b/c.txt", "C");
  chmod(context / "y/b", 0750);
  CopyOperation operation = copy({"x/a.txt", "y/b/c.txt"}, "/p/");
  operation.parents = true;
  EXPECT_EQ(layer(operation), (Lines{"d0755 p", "d0755 p/x", "f0644 p/x/a.txt=A", "d0755 p/y",
                                     "d0750 p/y/b", "f0644 p/y/b/c.txt=C"}));
  operation.sources = {"y"};
  EXPECT_EQ(layer(operation),
            (Lines{"d0755 p", "d0755 p/y", "d0750 p/y/b", "f0644 p/y/b/c.txt=C"}));
  operation.sources = {"./x/*.txt"};
  operation.destination = "/r";
  EXPECT_EQ(layer(operation), (Lines{"d0755 r", "d0755 r/x", "f0644 r/x/a.txt=A"}));
}

TEST_F(CopySelect, TheMarkSaysWhereKeepingBegins) {
  context.write("x/y/a.txt", "A");
  context.write("x/y/z/f", "F");
  CopyOperation operation = copy({"x/./y/*.txt"}, "/p/");
  operation.parents = true;
  EXPECT_EQ(layer(operation), (Lines{"d0755 p", "d0755 p/y", "f0644 p/y/a.txt=A"}));
  operation.sources = {"./x/y/./z/f"};
  EXPECT_EQ(layer(operation), (Lines{"d0755 p", "d0755 p/z", "f0644 p/z/f=F"}));
  operation.sources = {"x/y/./"};
  EXPECT_EQ(layer(operation), (Lines{"d0755 p", "f0644 p/a.txt=A", "d0755 p/z", "f0644 p/z/f=F"}));
}

TEST_F(CopySelect, DoubleStarMeansAnyDepthWithParentsOnly) {
  context.write("src/a.txt", "A");
  context.write("src/x/b.txt", "B");
  context.write("src/x/y/c.txt", "C");
  CopyOperation operation = copy({"src/**/*.txt"}, "/p/");
  EXPECT_EQ(layer(operation), (Lines{"d0755 p", "f0644 p/b.txt=B"}));
  operation.parents = true;
  EXPECT_EQ(layer(operation),
            (Lines{"d0755 p", "d0755 p/src", "f0644 p/src/a.txt=A", "d0755 p/src/x",
                   "f0644 p/src/x/b.txt=B", "d0755 p/src/x/y", "f0644 p/src/x/y/c.txt=C"}));
  operation.sources = {"src/./**/c.*"};
  EXPECT_EQ(layer(operation),
            (Lines{"d0755 p", "d0755 p/x", "d0755 p/x/y", "f0644 p/x/y/c.txt=C"}));
}

TEST_F(CopySelect, TheDigestIsOfWhatIsCopiedAndNotOfTimes) {
  context.write("d/f", "F");
  const auto digest = [&] { return selected(copy({"d"}, "/x")).digest(); };
  const auto first = digest();
  touch(context / "d/f", 1);
  EXPECT_EQ(digest(), first);
  chmod(context / "d/f", 0600);
  EXPECT_NE(digest(), first);
  chmod(context / "d/f", 0644);
  EXPECT_EQ(digest(), first);
  context.write("d/f", "f");
  EXPECT_NE(digest(), first);
  context.write("d/f", "F");
  std::filesystem::create_directory(context / "d/e");
  EXPECT_NE(digest(), first);
  std::filesystem::remove(context / "d/e");
  std::filesystem::rename(context / "d/f", context / "d/g");
  EXPECT_NE(digest(), first);
}

TEST_F(CopySelect, AChecksumIsForOneRemoteSource) {
  context.write("a", "");
  CopyOperation operation = copy({"a"}, "/x");
  operation.kind = CopyKind::kAdd;
  operation.checksum = "sha256:00";
  EXPECT_NE(error_of(operation).find("--checksum"), std::string::npos);
}

TEST_F(CopySelect, AFetchedFileHasItsNameAndAFetchedFolderItsContents) {
  test::TempDir fetched;
  fetched.write("file", "net");
  fetched.write("repo/f", "F");
  chmod(fetched / "file", 0600);
  const auto root = std::make_shared<const base::RootedDir>(base::RootedDir::open(fetched.path()));
  CopyOperation operation = copy({"http://h/x.txt", "http://h/r.git"}, "/d/");
  operation.kind = CopyKind::kAdd;
  SourceRoot sources{.fetched = {{root, "file", "x.txt"}, {root, "repo", ""}}};
  const auto placed = [&] {
    Lines lines;
    for (const auto& entry :
         place(operation, select(operation, sources), DirectoryFiles(image_root), scratch_root)) {
      lines.push_back(describe(entry));
    }
    return lines;
  };
  EXPECT_EQ(placed(), (Lines{"d0755 d", "f0644 d/f=F", "f0600 d/x.txt=net"}));
  operation.sources = {"http://h/"};
  sources.fetched = {{root, "file", ""}};
  EXPECT_THROW(placed(), base::Error);
  operation.destination = "/named";
  EXPECT_EQ(placed(), Lines{"f0600 named=net"});
}

TEST_F(CopySelect, TheNormalFormTellsOperationsApart) {
  const CopyOperation one = copy({"a", "b"}, "/c");
  EXPECT_EQ(one.normal_form(), copy({"a", "b"}, "/c").normal_form());
  EXPECT_NE(one.normal_form(), copy({"a b"}, "/c").normal_form());
  EXPECT_NE(one.normal_form(), copy({"a"}, "b/c").normal_form());
  CopyOperation other = one;
  other.link = true;
  EXPECT_NE(one.normal_form(), other.normal_form());
}

}  // namespace
}  // namespace bld::builder
