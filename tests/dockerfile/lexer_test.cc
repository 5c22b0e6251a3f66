#include "dockerfile/lexer.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::dockerfile {
namespace {

std::vector<std::string> lines_of(const char* text, char escape = '\\') {
  const SourceText source("f", text);
  LineReader reader(source, escape);
  std::vector<std::string> lines;
  while (const auto line = reader.next()) lines.push_back(line->text);
  return lines;
}

using Lines = std::vector<std::string>;

TEST(SourceText, DropsTheByteOrderMarkAndCarriageReturns) {
  const SourceText source("f", "\xef\xbb\xbfone\r\ntwo");
  EXPECT_EQ(source.line_count(), 2);
  EXPECT_EQ(source.line(1), "one");
  EXPECT_EQ(source.raw_line(1), "one\r");
  EXPECT_EQ(source.line(2), "two");
  EXPECT_EQ(source.position({2, 1, 3, 2}).source_line, "two");
}

TEST(SourceText, RefusesNulBytesAndTooMuch) {
  EXPECT_THROW(SourceText("f", std::string("a\0b", 3)), base::Error);
  EXPECT_THROW(SourceText("f", std::string(SourceText::kMaximumBytes + 1, 'x')), base::Error);
}

TEST(SourceText, OfSeveralFilesKnowsTheFileAndLineOfEachPlace) {
  const SourceText source({{"a", "a1\na2"},
                           {"empty", ""},
                           {"\u00e9",
                            "\xef\xbb\xbf"
                            "b7\nb8\nb9\nb10\n",
                            1},
                           {"a", "a3", 3}});
  EXPECT_EQ(source.line_count(), 7);
  const base::SourcePosition a = source.position({2, 1, 2, 2});
  EXPECT_EQ(a.file + ":" + std::to_string(a.line) + " " + a.source_line, "a:2 a2");
  EXPECT_EQ(a.lines_before, Lines{"a1"});
  EXPECT_TRUE(a.lines_after.empty());
  const base::SourcePosition b = source.position({3, 1, 2, 3});
  EXPECT_EQ(b.file + ":" + std::to_string(b.line) + " " + b.source_line, "\u00e9:1 b7");
  EXPECT_EQ(b.lines_after, (Lines{"b8", "b9"}));
  EXPECT_EQ(source.position({7, 0, 0, 7}).line, 3);
}

TEST(LineReader, JoinsContinuationsWithNothingBetween) {
  EXPECT_EQ(lines_of("a b\\\n  c\\ \t\nd\ne"), (Lines{"a b  cd", "e"}));
  EXPECT_EQ(lines_of("CO\\\nPY x"), Lines{"COPY x"});
  EXPECT_EQ(lines_of("a`\nb\\\nc", '`'), (Lines{"ab\\", "c"}));
}

TEST(LineReader, TwoEscapesAreNoContinuation) {
  EXPECT_EQ(lines_of("a\\\\\nb"), (Lines{"a\\\\", "b"}));
}

TEST(LineReader, SkipsCommentsAndEmptyLinesInContinuations) {
  const SourceText source("f", "a \\\n# x \\\n\n  # y\n \\\nb # z\n");
  LineReader reader(source, '\\');
  const auto line = reader.next();
  ASSERT_TRUE(line);
  EXPECT_EQ(line->text, "a  b # z");
  EXPECT_EQ(line->empty_continuation_line, 3);
  EXPECT_EQ(line->first_line, 1);
  EXPECT_EQ(line->last_line, 6);
}

TEST(LineReader, ADanglingEscapeAtTheEndIsDropped) {
  EXPECT_EQ(lines_of("a b\\"), Lines{"a b"});
  EXPECT_EQ(lines_of("\\\n\\\n\\"), Lines{});
  EXPECT_EQ(lines_of("\\\n\nx"), Lines{"x"});
}

TEST(LineReader, RemembersWhereWordsWere) {
  const SourceText source("f", "  ENV a=1 \\\n   b=2");
  LineReader reader(source, '\\');
  const auto line = reader.next();
  ASSERT_TRUE(line);
  const std::size_t at = line->text.find("b=2");
  const Span span = line->span(at, at + 3);
  EXPECT_EQ(span.line, 2);
  EXPECT_EQ(span.column, 4);
  EXPECT_EQ(span.length, 3);
  const Span name = line->span(0, 3);
  EXPECT_EQ(name.line, 1);
  EXPECT_EQ(name.column, 3);
}

std::vector<std::string> texts(const std::vector<Token>& tokens) {
  std::vector<std::string> result;
  for (const Token& token : tokens) result.push_back(token.text);
  return result;
}

TEST(Words, QuotesGroupButStay) {
  EXPECT_EQ(texts(split_quoted("a=\"b c\" d\\ e 'f \\' g'\" \"", 0, '\\')),
            (Lines{"a=\"b c\"", "d\\ e", "'f \\'", "g'\" \""}));
  EXPECT_EQ(texts(split_at_blanks(" \"a b\"\tc ", 0)), (Lines{"\"a", "b\"", "c"}));
}

TEST(Words, FlagsLoseTheirQuotes) {
  std::size_t rest = 0;
  const std::string_view line = "X --a=\"1 2\" --b='3'\\ 4 --c -- --d y";
  EXPECT_EQ(texts(split_flags(line, 1, '\\', rest)), (Lines{"--a=1 2", "--b=3 4", "--c"}));
  EXPECT_EQ(line.substr(rest), "--d y");
  EXPECT_TRUE(split_flags("X -a", 1, '\\', rest).empty());
  EXPECT_EQ(rest, 2U);
}

TEST(Heredoc, MarksAreWordsOfTheirOwn) {
  EXPECT_EQ(heredoc_mark("<<EOF")->name, "EOF");
  EXPECT_TRUE(heredoc_mark("<<-X")->strip_tabs);
  EXPECT_EQ(heredoc_mark("3<<X")->fd, 3);
  EXPECT_FALSE(heredoc_mark("<<'X'")->expand);
  EXPECT_EQ(heredoc_mark("<<\"a b\"")->name, "a b");
  EXPECT_FALSE(heredoc_mark("<<\\X")->expand);
  for (const char* text :
       {"<<", "<<-", "x<<y", "$((1<<3))", "\"<<X\"", "<<<x", "<<''", "<<'x", "<<a b"}) {
    EXPECT_FALSE(heredoc_mark(text)) << text;
  }
}

TEST(Heredoc, NoMarksInALineWhoseQuotesDoNotPair) {
  EXPECT_EQ(heredoc_marks("cat <<A | sort <<-'B'").size(), 2U);
  EXPECT_TRUE(heredoc_marks("echo it's <<A").empty());
  EXPECT_TRUE(heredoc_marks("echo '<<A' \"x <<B\"").empty());
}

TEST(Heredoc, BodiesEndAtTheirWord) {
  const SourceText source("f", "\tx\n\tE\nE \nE\nlast");
  LineReader reader(source, '\\');
  EXPECT_EQ(reader.heredoc_body("E", false), "\tx\n\tE\nE \n");
  EXPECT_EQ(reader.heredoc_body("E", false), std::nullopt);
  LineReader stripping(source, '\\');
  EXPECT_EQ(stripping.heredoc_body("E", true), "\tx\n");
}

}  // namespace
}  // namespace bld::dockerfile
