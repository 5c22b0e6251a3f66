#include "dockerfile/ignore_file.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::dockerfile {
namespace {

TEST(IgnoreFile, SaysWhichLineHidesAPath) {
  const auto ignore = IgnoreFile::parse("# c\n*.log\n\n /deep/* \n!deep/x\n", "d/.dockerignore");
  EXPECT_EQ(ignore.reason("a.log"), "line 2 of d/.dockerignore: *.log");
  EXPECT_EQ(ignore.reason("deep/y/z"), "line 4 of d/.dockerignore: /deep/*");
  EXPECT_EQ(ignore.reason("deep/x"), "");
  EXPECT_EQ(ignore.reason("other"), "");
}

TEST(IgnoreFile, PatternsAreRootedAndCoverWhatIsBelow) {
  const auto ignore = IgnoreFile::parse("build\n*.log\nsrc/*.o\n/top\n");
  EXPECT_TRUE(ignore.ignored("build"));
  EXPECT_TRUE(ignore.ignored("build/deep/file"));
  EXPECT_FALSE(ignore.ignored("src/build"));
  EXPECT_TRUE(ignore.ignored("x.log"));
  EXPECT_FALSE(ignore.ignored("src/x.log"));
  EXPECT_TRUE(ignore.ignored("src/x.o"));
  EXPECT_TRUE(ignore.ignored("top"));
  EXPECT_FALSE(ignore.ignored("src"));
}

TEST(IgnoreFile, LinesAreTrimmedAndComments) {
  const auto ignore = IgnoreFile::parse("\xef\xbb\xbf  one  \r\n#two\r\n\r\n #three\n./four//x/\n");
  EXPECT_TRUE(ignore.ignored("one"));
  EXPECT_FALSE(ignore.ignored("two"));
  EXPECT_FALSE(ignore.ignored("#two"));
  EXPECT_TRUE(ignore.ignored("#three"));
  EXPECT_TRUE(ignore.ignored("four/x"));
}

TEST(IgnoreFile, TheLastMatchDecides) {
  const auto ignore = IgnoreFile::parse("*\n!keep\n!lib/src\nlib/src/private\n! /docs\n");
  EXPECT_TRUE(ignore.ignored("other"));
  EXPECT_FALSE(ignore.ignored("keep"));
  EXPECT_TRUE(ignore.ignored("lib"));
  EXPECT_FALSE(ignore.ignored("lib/src/a"));
  EXPECT_TRUE(ignore.ignored("lib/src/private/b"));
  EXPECT_FALSE(ignore.ignored("docs/index"));
}

TEST(IgnoreFile, AWalkKnowsWhereExceptionsMayBe) {
  const auto ignore = IgnoreFile::parse("*\n!a/b/c\n!**/Makefile\n");
  EXPECT_TRUE(ignore.may_have_exceptions_below("a"));
  EXPECT_TRUE(ignore.may_have_exceptions_below("z"));
  const auto narrow = IgnoreFile::parse("*\n!a/b/c\n");
  EXPECT_TRUE(narrow.may_have_exceptions_below("a/b"));
  EXPECT_FALSE(narrow.may_have_exceptions_below("z"));
  EXPECT_FALSE(IgnoreFile::parse("*\n").may_have_exceptions_below("a"));
}

TEST(IgnoreFile, DoubleStarMatchesAnyDepth) {
  const auto ignore = IgnoreFile::parse("**/cache\nvendor/**\n");
  EXPECT_TRUE(ignore.ignored("cache/f"));
  EXPECT_TRUE(ignore.ignored("a/b/cache"));
  EXPECT_FALSE(ignore.ignored("a/cached"));
  EXPECT_FALSE(ignore.ignored("vendor"));
  EXPECT_TRUE(ignore.ignored("vendor/x"));
}

TEST(IgnoreFile, MalformedLinesAreNamed) {
  try {
    IgnoreFile::parse("ok\n\n  a[b\n", "dir/.dockerignore");
    FAIL();
  } catch (const base::Error& error) {
    ASSERT_TRUE(error.position());
    EXPECT_EQ(error.position()->file, "dir/.dockerignore");
    EXPECT_EQ(error.position()->line, 3);
    EXPECT_EQ(error.position()->column, 3);
  }
  EXPECT_THROW(IgnoreFile::parse("!"), base::Error);
  EXPECT_THROW(IgnoreFile::parse("! \n"), base::Error);
}

TEST(IgnoreFile, TheRootIsNeverIgnored) {
  const auto ignore = IgnoreFile::parse("*\n**\n.\n/\n");
  EXPECT_FALSE(ignore.ignored(""));
  EXPECT_FALSE(ignore.ignored("."));
}

TEST(IgnoreFile, ExcludesAreTheSameLanguage) {
  const std::vector<std::string> patterns = {"*.md", "!README.md"};
  const auto ignore = IgnoreFile::from_patterns(patterns);
  EXPECT_TRUE(ignore.ignored("x.md"));
  EXPECT_FALSE(ignore.ignored("README.md"));
}

TEST(IgnoreFile, NamesNextToAContainerfile) {
  EXPECT_EQ(ignore_file_names_of("web.Containerfile"),
            (std::vector<std::string>{"web.Containerfile.containerignore",
                                      "web.Containerfile.dockerignore"}));
}

}  // namespace
}  // namespace bld::dockerfile
