#include "dockerfile/lexer.h"

#include <algorithm>

#include "base/text.h"

namespace bld::dockerfile {

namespace {

std::string_view skip_blanks(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && is_blank(text[at])) ++at;
  return text.substr(at);
}

// Splits like the shell but keeps quotes and escapes; nothing if a quote is not closed.
std::optional<std::vector<Token>> split_raw(std::string_view line) {
  std::vector<Token> words;
  std::size_t at = 0;
  while (at < line.size()) {
    if (is_blank(line[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    char quote = 0;
    for (; at < line.size() && (quote != 0 || !is_blank(line[at])); ++at) {
      const char c = line[at];
      if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
      } else if (c == quote) {
        quote = 0;
      } else if (c == '\\' && quote != '\'' && at + 1 < line.size()) {
        ++at;
      }
    }
    if (quote != 0) return std::nullopt;
    words.push_back({std::string(line.substr(begin, at - begin)), begin, at});
  }
  return words;
}

// The end word of a heredoc without quotes and escapes; nothing if it is not exactly one word.
std::optional<std::string> unquote(std::string_view word) {
  const auto words = split_raw(word);
  if (!words || words->size() != 1) return std::nullopt;
  std::string result;
  char quote = 0;
  for (std::size_t at = 0; at < word.size(); ++at) {
    const char c = word[at];
    if (quote == 0 && is_blank(c)) continue;
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else if (c == '\\' && quote == 0) {
      if (++at < word.size()) result.push_back(word[at]);
    } else {
      result.push_back(c);
    }
  }
  if (result.empty()) return std::nullopt;
  return result;
}

}  // namespace

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r' || c == '\n';
}

std::string_view trim_blanks(std::string_view text) {
  text = skip_blanks(text);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

Span LogicalLine::span(std::size_t begin, std::size_t end) const {
  Span span{first_line, 1, 0, first_line};
  if (pieces.empty()) return span;
  auto after = std::upper_bound(
      pieces.begin(), pieces.end(), begin,
      [](std::size_t offset, const Piece& piece) { return offset < piece.offset; });
  if (after == pieces.begin()) ++after;
  const Piece& piece = *std::prev(after);
  const std::size_t piece_end = after == pieces.end() ? text.size() : after->offset;
  span.line = piece.line;
  span.column = piece.column + static_cast<int>(begin - piece.offset);
  span.length = static_cast<int>(std::max(std::min(end, piece_end), begin) - begin);
  const auto last = std::upper_bound(
      after, pieces.end(), end == 0 ? 0 : end - 1,
      [](std::size_t offset, const Piece& other) { return offset < other.offset; });
  span.last_line = std::max(span.line, std::prev(last)->line);
  return span;
}

bool LineReader::cut_continuation(std::string_view& line) const {
  std::string_view cut = line;
  while (!cut.empty() && (cut.back() == ' ' || cut.back() == '\t')) cut.remove_suffix(1);
  if (!cut.ends_with(escape_)) return false;
  cut.remove_suffix(1);
  if (cut.ends_with(escape_)) return false;
  line = cut;
  return true;
}

std::optional<LogicalLine> LineReader::next() {
  LogicalLine result;
  bool begun = false;
  while (next_line_ <= source_.line_count()) {
    const int number = next_line_++;
    std::string_view line = source_.line(number);
    const std::string_view stripped = skip_blanks(line);
    if (stripped.starts_with('#')) {
      if (!begun) result.comments.emplace_back(trim_blanks(stripped.substr(1)));
      continue;
    }
    if (stripped.empty()) {
      if (!begun) result.comments.clear();
      if (begun && result.empty_continuation_line == 0) result.empty_continuation_line = number;
      continue;
    }
    const std::string_view whole = line;
    // Blanks in front are part of the text on continuation lines only.
    if (result.text.empty()) line = stripped;
    if (!begun) result.first_line = number;
    begun = true;
    const bool continues = cut_continuation(line);
    const auto column = static_cast<int>(line.data() - whole.data()) + 1;
    result.pieces.push_back({result.text.size(), number, column});
    result.text += line;
    result.last_line = number;
    if (!continues) break;
  }
  while (!result.text.empty() && is_blank(result.text.back())) result.text.pop_back();
  if (result.text.empty()) return std::nullopt;  // nothing but escape characters up to the end
  return result;
}

std::optional<std::string> LineReader::heredoc_body(std::string_view end_word, bool strip_tabs) {
  std::string body;
  while (next_line_ <= source_.line_count()) {
    const int number = next_line_++;
    std::string_view line = source_.line(number);
    if (strip_tabs) line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
    if (line == end_word) return body;
    body += source_.raw_line(number);
    body += '\n';
  }
  return std::nullopt;
}

std::vector<Token> split_at_blanks(std::string_view line, std::size_t begin) {
  std::vector<Token> words;
  for (std::size_t at = begin; at < line.size();) {
    if (is_blank(line[at])) {
      ++at;
      continue;
    }
    const std::size_t start = at;
    while (at < line.size() && !is_blank(line[at])) ++at;
    words.push_back({std::string(line.substr(start, at - start)), start, at});
  }
  return words;
}

std::vector<Token> split_quoted(std::string_view line, std::size_t begin, char escape) {
  std::vector<Token> words;
  std::size_t at = begin;
  while (at < line.size()) {
    if (is_blank(line[at])) {
      ++at;
      continue;
    }
    Token word{"", at, at};
    char quote = 0;
    for (; at < line.size() && (quote != 0 || !is_blank(line[at])); ++at) {
      const char c = line[at];
      if (c == escape && quote != '\'') {
        if (at + 1 == line.size()) continue;  // an escape at the end of the line vanishes
        word.text += c;
        word.text += line[++at];
        continue;
      }
      if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
      } else if (c == quote) {
        quote = 0;
      }
      word.text += c;
    }
    word.end = at;
    if (!word.text.empty()) words.push_back(std::move(word));
  }
  return words;
}

std::vector<Token> split_flags(std::string_view line, std::size_t begin, char escape,
                               std::size_t& rest) {
  std::vector<Token> flags;
  std::size_t at = begin;
  for (;;) {
    while (at < line.size() && is_blank(line[at])) ++at;
    rest = at;
    if (!line.substr(at).starts_with("--")) return flags;
    Token flag{"", at, at};
    char quote = 0;
    for (; at < line.size() && (quote != 0 || !is_blank(line[at])); ++at) {
      const char c = line[at];
      if (c == escape) {
        if (at + 1 < line.size()) flag.text += line[++at];
      } else if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
      } else if (c == quote) {
        quote = 0;
      } else {
        flag.text += c;
      }
    }
    flag.end = at;
    if (flag.text == "--") {
      while (at < line.size() && is_blank(line[at])) ++at;
      rest = at;
      return flags;
    }
    flags.push_back(std::move(flag));
  }
}

std::optional<HeredocMark> heredoc_mark(std::string_view word) {
  HeredocMark mark;
  std::size_t at = 0;
  while (at < word.size() && word[at] >= '0' && word[at] <= '9') ++at;
  if (at > 0) {
    const auto fd = base::parse_unsigned(word.substr(0, at));
    if (!fd || *fd > 1024) return std::nullopt;
    mark.fd = static_cast<int>(*fd);
  }
  if (!word.substr(at).starts_with("<<")) return std::nullopt;
  at += 2;
  if (word.substr(at).starts_with('-')) {
    mark.strip_tabs = true;
    ++at;
  }
  const std::string_view rest = word.substr(at);
  if (rest.empty() || rest.find('<') != std::string_view::npos) return std::nullopt;
  std::optional<std::string> name = unquote(rest);
  if (!name) return std::nullopt;
  mark.expand = *name == rest;
  mark.name = std::move(*name);
  mark.end = word.size();
  return mark;
}

std::vector<HeredocMark> heredoc_marks(std::string_view line) {
  std::vector<HeredocMark> marks;
  if (line.find("<<") == std::string_view::npos) return marks;
  const auto words = split_raw(line);
  if (!words) return marks;
  for (const Token& word : *words) {
    if (std::optional<HeredocMark> mark = heredoc_mark(word.text)) {
      mark->begin = word.begin;
      mark->end = word.end;
      marks.push_back(std::move(*mark));
    }
  }
  return marks;
}

}  // namespace bld::dockerfile
