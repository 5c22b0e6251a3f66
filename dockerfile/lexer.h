// From lines to words: logical lines, and the ways in which instructions cut them up.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/source_text.h"

namespace bld::dockerfile {

// An instruction with its continuation lines joined, which remembers where each byte was.
struct LogicalLine {
  struct Piece {
    std::size_t offset;  // in text
    int line;
    int column;
  };

  std::string text;  // without blanks at both ends
  // The comment lines directly above, without # and blanks at their ends.
  std::vector<std::string> comments;
  std::vector<Piece> pieces;
  int first_line = 0;
  int last_line = 0;
  int empty_continuation_line = 0;  // the first, 0 if there is none

  // The part of [begin, end) that lies on the line on which it begins.
  Span span(std::size_t begin, std::size_t end) const;
};

// Hands out the logical lines of a text in order. Comments and empty lines are skipped.
class LineReader {
 public:
  LineReader(const SourceText& source, char escape, int first_line = 1)
      : source_(source), escape_(escape), next_line_(first_line) {}

  std::optional<LogicalLine> next();

  // The lines from here to one that equals `end_word`, which is skipped; nothing if there is none.
  std::optional<std::string> heredoc_body(std::string_view end_word, bool strip_tabs);

  int last_line() const { return next_line_ - 1; }

 private:
  // Cuts a continuation mark off; false if there is none.
  bool cut_continuation(std::string_view& line) const;

  const SourceText& source_;
  char escape_;
  int next_line_;
};

bool is_blank(char c);  // blank, tab, vertical tab, form feed, CR, LF
std::string_view trim_blanks(std::string_view text);

// A word and the bytes of the line that it was made of.
struct Token {
  std::string text;
  std::size_t begin;
  std::size_t end;
};

// Words between blanks; quotes mean nothing.
std::vector<Token> split_at_blanks(std::string_view line, std::size_t begin);

// Words between blanks that are neither quoted nor escaped. Quotes and escapes stay.
std::vector<Token> split_quoted(std::string_view line, std::size_t begin, char escape);

// The words in front that begin with `--`, up to a lone `--`, without their quotes and escapes.
// `rest` becomes where the arguments begin.
std::vector<Token> split_flags(std::string_view line, std::size_t begin, char escape,
                               std::size_t& rest);

// [fd]<<[-]WORD, read but for its body.
struct HeredocMark {
  std::string name;
  bool expand = true;
  bool strip_tabs = false;
  int fd = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

// The word as a heredoc mark, if it is one.
std::optional<HeredocMark> heredoc_mark(std::string_view word);

// The marks in a line. None if the quotes of the line do not pair.
std::vector<HeredocMark> heredoc_marks(std::string_view line);

}  // namespace bld::dockerfile
