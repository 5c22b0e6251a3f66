#include "dockerfile/pattern.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::dockerfile {
namespace {

bool deep(std::string_view pattern, std::string_view path) {
  return match_path(pattern, path, DoubleStar::kAnyDepth);
}

TEST(Pattern, StarAndQuestionMarkStopAtSlashes) {
  EXPECT_TRUE(match_path("*.c", "main.c"));
  EXPECT_TRUE(match_path("*", ".hidden"));
  EXPECT_TRUE(match_path("s*/?.h", "src/a.h"));
  EXPECT_FALSE(match_path("*.c", "src/main.c"));
  EXPECT_FALSE(match_path("a?b", "a/b"));
  EXPECT_TRUE(match_path("?", "ü"));
}

TEST(Pattern, ClassesAreThoseOfGo) {
  EXPECT_TRUE(match_path("v[0-9]", "v7"));
  EXPECT_FALSE(match_path("v[^0-9]", "v7"));
  EXPECT_TRUE(match_path("[a\\-z]", "-"));
  EXPECT_TRUE(match_path("[ä-ü]", "ö"));
  EXPECT_FALSE(match_path("a[^x]b", "a/b"));
  EXPECT_TRUE(match_path("[!a]", "!"));
}

TEST(Pattern, BackslashMakesLiteral) {
  EXPECT_TRUE(match_path("\\*\\[x", "*[x"));
  EXPECT_FALSE(match_path("\\*", "a"));
}

TEST(Pattern, MalformedPatternsAreErrors) {
  for (const char* bad : {"[", "[]", "[]a]", "[a", "[a-", "[a-]", "[-a]", "[^]", "x\\", "[\\"}) {
    EXPECT_THROW(match_path(bad, "x"), base::Error) << bad;
  }
}

TEST(Pattern, DoubleStarIsAStarUnlessDepthIsAskedFor) {
  EXPECT_FALSE(match_path("a/**/z", "a/b/c/z"));
  EXPECT_TRUE(match_path("a/**/z", "a/b/z"));
  EXPECT_TRUE(deep("a/**/z", "a/b/c/z"));
  EXPECT_TRUE(deep("a/**/z", "a/z"));
  EXPECT_TRUE(deep("**/z", "z"));
  EXPECT_TRUE(deep("**/*.pyc", "p/q/r.pyc"));
  EXPECT_FALSE(deep("**/z", "az"));
  EXPECT_TRUE(deep("b/**", "b/c/d"));
  EXPECT_FALSE(deep("b/**", "b"));
  EXPECT_TRUE(deep("**", "any/thing"));
  EXPECT_TRUE(deep("**/**/**/x", "a/x"));
}

TEST(Pattern, KnowsWhetherAnythingBelowAFolderCanMatch) {
  EXPECT_TRUE(Pattern("a/b/c").may_match_below("a/b"));
  EXPECT_FALSE(Pattern("a/b").may_match_below("a/b"));
  EXPECT_FALSE(Pattern("a/*").may_match_below("b"));
  EXPECT_TRUE(Pattern("a/*/c").may_match_below("a/x"));
  EXPECT_FALSE(Pattern("a/*").may_match_below("a/x"));
  EXPECT_TRUE(Pattern("**/z", DoubleStar::kAnyDepth).may_match_below("q/r"));
}

TEST(Pattern, ManyStarsTakeLinearTime) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  EXPECT_FALSE(match_path(pattern + "b", std::string(5000, 'a')));
  std::string folders;
  for (int i = 0; i < 200; ++i) folders += "**/a/";
  std::string path;
  for (int i = 0; i < 1000; ++i) path += "a/";
  EXPECT_FALSE(deep(folders + "b", path + "c"));
}

TEST(Pattern, CleanPathIsLexical) {
  EXPECT_EQ(clean_path("./a//b/../c/"), "a/c");
  EXPECT_EQ(clean_path(""), ".");
  EXPECT_EQ(clean_path("a/.."), ".");
  EXPECT_EQ(clean_path("../../a"), "../../a");
  EXPECT_EQ(clean_path("/../a"), "/a");
  EXPECT_EQ(clean_path("//"), "/");
}

}  // namespace
}  // namespace bld::dockerfile
