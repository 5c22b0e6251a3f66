#include "dockerfile/expand.h"

#include <gtest/gtest.h>

#include <map>

#include "base/error.h"

namespace bld::dockerfile {
namespace {

std::optional<std::string> lookup(std::string_view name) {
  static const std::map<std::string, std::string, std::less<>> kValues = {
      {"one", "1"},        {"empty", ""},       {"path", "/srv/www/site.tar.gz"},
      {"fruit", "banana"}, {"ports", "80 443"}, {"größe", "xl"}};
  const auto found = kValues.find(name);
  if (found == kValues.end()) return std::nullopt;
  return found->second;
}

std::string expand(std::string_view word, char escape = '\\') {
  return expand_word(word, lookup, escape);
}

std::string error_of(std::string_view word) {
  try {
    return "no error, but " + expand(word);
  } catch (const base::Error& error) {
    return error.what();
  }
}

TEST(Expand, NamesEndAtTheFirstForeignCharacter) {
  EXPECT_EQ(expand("$one.$one-${one}0"), "1.1-10");
  EXPECT_EQ(expand("[$oneX][$none]"), "[][]");
  EXPECT_EQ(expand("$größe"), "xl");
}

TEST(Expand, DollarBeforeAnythingElseIsItself) {
  EXPECT_EQ(expand("$"), "$");
  EXPECT_EQ(expand("a$/$."), "a$/$.");
  EXPECT_EQ(expand("\"$\""), "$");
}

TEST(Expand, PositionalAndSpecialParametersAreNeverSet) {
  EXPECT_EQ(expand("<$1$23$@$*$#$?$-$!$$>"), "<>");
  EXPECT_EQ(expand("$9z"), "z");
  EXPECT_EQ(expand("${3:-three}"), "three");
}

TEST(Expand, DefaultsLookAtSetAndEmpty) {
  EXPECT_EQ(expand("${one:-d}${one-d}"), "11");
  EXPECT_EQ(expand("${empty:-d}|${empty-d}"), "d|");
  EXPECT_EQ(expand("${none:-d}${none-d}"), "dd");
  EXPECT_EQ(expand("${one:+p}${one+p}"), "pp");
  EXPECT_EQ(expand("[${empty:+p}][${empty+p}][${none+p}]"), "[][p][]");
}

TEST(Expand, WordsOfModifiersNest) {
  EXPECT_EQ(expand("${none:-<${empty:-${one}}>}"), "<1>");
  EXPECT_EQ(expand("${none:-a b \"}\" '}'}"), "a b } }");
  EXPECT_EQ(expand("${none:-\\}}"), "}");
}

TEST(Expand, RequiredVariablesFailWithTheirMessage) {
  EXPECT_EQ(expand("${one:?x}${one?x}${empty?x}"), "11");
  EXPECT_EQ(error_of("${none:?set $one of these}"), "none: set 1 of these");
  EXPECT_EQ(error_of("${empty:?}"), "empty: is not allowed to be empty");
  EXPECT_EQ(error_of("${none?}"), "none: is not allowed to be unset");
}

TEST(Expand, TrimsShortestAndLongest) {
  EXPECT_EQ(expand("${path#/*/}"), "www/site.tar.gz");
  EXPECT_EQ(expand("${path##*/}"), "site.tar.gz");
  EXPECT_EQ(expand("${path%.*}"), "/srv/www/site.tar");
  EXPECT_EQ(expand("${path%%.*}"), "/srv/www/site");
  EXPECT_EQ(expand("${fruit#?}${fruit%an*}"), "ananaban");
  EXPECT_EQ(expand("${fruit##*an}${fruit%%an*}"), "ab");
  EXPECT_EQ(expand("[${fruit##*}][${fruit#*}][${fruit#x}]"), "[][banana][banana]");
  EXPECT_EQ(expand("${none#x}${fruit#}${fruit%}"), "bananabanana");
}

TEST(Expand, PatternsHaveNoClassesAndEscapesMakeLiteral) {
  EXPECT_EQ(expand("${fruit#[b]}"), "banana");
  EXPECT_EQ(expand("${fruit#\\*}"), "banana");
  EXPECT_EQ(expand("${none:-x}${path#\\/srv}"), "x/www/site.tar.gz");
}

TEST(Expand, ReplacesFirstOrAllLongestMatches) {
  EXPECT_EQ(expand("${fruit/an/AN}"), "bANana");
  EXPECT_EQ(expand("${fruit//an/AN}"), "bANANa");
  EXPECT_EQ(expand("${fruit/n*/_}"), "ba_");
  EXPECT_EQ(expand("${fruit//a?/-}"), "b--a");
  EXPECT_EQ(expand("${fruit/a/}"), "bnana");
  EXPECT_EQ(expand("${path//\\//:}"), ":srv:www:site.tar.gz");
  EXPECT_EQ(expand("${fruit/n/$one}"), "ba1ana");
  EXPECT_EQ(expand("${fruit/n/\\x}"), "ba\\xana");
}

TEST(Expand, RefusesUnknownModifiersAndBrokenBraces) {
  EXPECT_NE(error_of("${one:x}").find("unsupported modifier (:x)"), std::string::npos);
  EXPECT_NE(error_of("${one:=x}").find("unsupported modifier (:=)"), std::string::npos);
  EXPECT_NE(error_of("${one^}").find("unsupported modifier (^)"), std::string::npos);
  for (const char* bad : {"${}", "${{one}", "${:x}"}) {
    EXPECT_NE(error_of(bad).find("bad substitution"), std::string::npos) << bad;
  }
  for (const char* bad : {"${", "${one", "${one:", "${one:-", "${one/a}", "${one/a/", "${one#"}) {
    EXPECT_NE(error_of(bad).find("missing"), std::string::npos) << bad;
  }
}

TEST(Expand, BareEscapesVanish) {
  EXPECT_EQ(expand("a\\ b\\\\c\\n\\$one\\"), "a b\\cn$one");
  EXPECT_EQ(expand("`$one\\x`", '`'), "$one\\x");
}

TEST(Expand, DoubleQuotesProtectOnlyWhatTheyMust) {
  EXPECT_EQ(expand("\"a $one 'b' \\\" \\$ \\\\ \\n\""), "a 1 'b' \" $ \\ \\n");
  EXPECT_EQ(expand("\"C:\\x `$one\"", '`'), "C:\\x $one");
}

TEST(Expand, SingleQuotesProtectEverything) { EXPECT_EQ(expand("'$one \\ \"'x''"), "$one \\ \"x"); }

TEST(Expand, UnclosedQuotesAreErrors) {
  EXPECT_NE(error_of("'x").find("quote"), std::string::npos);
  EXPECT_NE(error_of("\"x").find("quote"), std::string::npos);
  EXPECT_NE(error_of("\"x\\").find("quote"), std::string::npos);
}

TEST(Expand, OnlyUnquotedBlanksSeparateWords) {
  const auto words = expand_words("$ports x$ports \"$ports\" a\\ b '' ", lookup);
  EXPECT_EQ(words, (std::vector<std::string>{"80", "443", "x80", "443", "80 443", "a b"}));
  EXPECT_EQ(expand("$ports"), "80 443");
}

TEST(Expand, HeredocsKeepQuotesAndLoseBackslashes) {
  EXPECT_EQ(expand_heredoc("\"$one\" '$one' \\$one \\\\ \\n ${none:-\"d\"}\n", lookup),
            "\"1\" '1' $one \\ n \"d\"\n");
}

TEST(Expand, CheckFindsOnlyWhatNoValueCanCure) {
  EXPECT_NO_THROW(check_word("${none:?needed}${x#*}${y/a/b}"));
  EXPECT_THROW(check_word("${x:y}"), base::Error);
  EXPECT_THROW(check_word("'"), base::Error);
  EXPECT_FALSE(mistake_in_heredoc("it's"));
  EXPECT_EQ(mistake_in_heredoc("${a\n}")->error.message(), "missing '}' after ${a");
  const auto mistake = mistake_in_heredoc("one\n ${a:-${b}} ${c:-${d:^}}");
  ASSERT_TRUE(mistake);
  EXPECT_EQ(mistake->offset, 16U);
  EXPECT_EQ(mistake->length, 10U);
}

TEST(Expand, NamesTheVariablesThatAreAskedFor) {
  EXPECT_EQ(variables_in("$b ${a:-$c} '$d' \\$e $1"), (std::vector<std::string>{"b", "c", "a"}));
}

TEST(Expand, NestingAndSizeAreLimited) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "${x:-";
  EXPECT_THROW(expand(deep), base::Error);
  const Lookup large = [](std::string_view) { return std::string(600'000, 'x'); };
  EXPECT_EQ(expand_word("$v", large).size(), 600'000U);
  EXPECT_THROW(expand_word("$v$v", large), base::Error);
}

TEST(Expand, ManyStarsTakeNoExponentialTime) {
  const Lookup many = [](std::string_view) { return std::string(20'000, 'a'); };
  std::string word = "${v##";
  for (int i = 0; i < 50; ++i) word += "*a";
  EXPECT_EQ(expand_word(word + "*b}", many).size(), 20'000U);
}

TEST(Expand, BytesThatAreNoUtf8Survive) {
  const Lookup bytes = [](std::string_view) { return std::string("\xff\xc3x\xa9"); };
  EXPECT_EQ(expand_word("\xfe$v${v#?}${v/x/y}", bytes), "\xfe\xff\xc3x\xa9\xc3x\xa9\xff\xc3y\xa9");
}

}  // namespace
}  // namespace bld::dockerfile
