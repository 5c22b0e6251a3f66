#include "dockerfile/expand.h"

#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "dockerfile/lexer.h"
#include "dockerfile/shell_pattern.h"
#include "dockerfile/utf8.h"

namespace bld::dockerfile {

namespace {

constexpr std::size_t kMaximumResult = 1U << 20;
constexpr int kMaximumDepth = 100;

// What becomes of quotes: they group, or are ordinary characters (in heredocs).
enum class Quotes { kSpecial, kLiteral };

// Collects words of which blanks in expanded values are separators, too.
class WordList {
 public:
  void add(char c) {
    if (is_blank(c)) {
      if (!word_.empty()) words_.push_back(std::exchange(word_, {}));
    } else {
      word_ += c;
    }
  }

  void add(std::string_view text) {
    for (const char c : text) add(c);
  }

  void add_quoted(std::string_view text) { word_ += text; }

  std::vector<std::string> finish() {
    if (!word_.empty()) words_.push_back(std::exchange(word_, {}));
    return std::move(words_);
  }

 private:
  std::string word_;
  std::vector<std::string> words_;
};

base::Error unsupported(const std::string& modifier, const std::string& written) {
  base::Error error("unsupported modifier ({}) in {}", modifier, written);
  return error.hint("the modifiers are :- - :+ + :? ? # ## % %% / and //");
}

struct Parameters {
  const Lookup* lookup = nullptr;             // null: only the syntax matters
  std::vector<std::string>* names = nullptr;  // gets what is asked for
  char escape = '\\';
  Quotes quotes = Quotes::kSpecial;
};

class Expander {
 public:
  Expander(std::string_view text, const Parameters& parameters)
      : text_(text), parameters_(parameters), limit_(kMaximumResult + text.size()) {}

  std::string run(WordList* words) { return expand_until(0, words); }

  // The last outermost `$…`, as far as it was read: where an error is.
  std::pair<std::size_t, std::size_t> substitution() const { return {substitution_, at_}; }

 private:
  bool at_end() const { return at_ == text_.size(); }

  char peek() const { return at_end() ? '\0' : text_[at_]; }

  void append(std::string& result, std::string_view piece) const {
    if (result.size() + piece.size() > limit_) {
      throw base::Error("the expansion is longer than {} bytes", kMaximumResult);
    }
    result += piece;
  }

  // Up to `stop`, which is consumed; 0 stands for the end of the text.
  std::string expand_until(char stop, WordList* words);
  std::string expand_pattern_until(char stop);
  std::string single_quoted();
  std::string double_quoted();
  std::string dollar();
  std::string braces();
  std::string with_word(std::string_view name, bool null_is_unset);
  std::string choose(std::string_view name, char modifier, bool null_is_unset, std::string word);
  std::string replaced(std::string_view name);
  std::string name();
  std::optional<std::string> value_of(std::string_view name);

  std::string_view text_;
  Parameters parameters_;
  std::size_t limit_;
  std::size_t at_ = 0;
  std::size_t substitution_ = 0;  // where the last one that is in no other begins
  int depth_ = 0;
  bool keep_escapes_ = false;  // within a pattern, which reads them itself
};

std::string Expander::expand_until(char stop, WordList* words) {
  std::string result;
  while (!at_end()) {
    const char c = peek();
    if (stop != 0 && c == stop) {
      ++at_;
      return result;
    }
    const bool quotes = parameters_.quotes == Quotes::kSpecial;
    if (c == '$') {
      const std::string value = dollar();
      append(result, value);
      if (words != nullptr) words->add(value);
    } else if (quotes && (c == '\'' || c == '"')) {
      const std::string value = c == '"' ? double_quoted() : single_quoted();
      append(result, value);
      if (words != nullptr) words->add_quoted(value);
    } else if (c == parameters_.escape) {
      ++at_;
      if (keep_escapes_) append(result, text_.substr(at_ - 1, 1));
      if (at_end()) break;
      append(result, text_.substr(at_, 1));
      if (words != nullptr) words->add_quoted(text_.substr(at_, 1));
      ++at_;
    } else {
      append(result, text_.substr(at_, 1));
      if (words != nullptr) words->add(c);
      ++at_;
    }
  }
  if (stop != 0) throw base::Error("missing '{}' in the substitution", stop);
  return result;
}

std::string Expander::expand_pattern_until(char stop) {
  const bool before = std::exchange(keep_escapes_, true);
  std::string result = expand_until(stop, nullptr);
  keep_escapes_ = before;
  return result;
}

std::string Expander::single_quoted() {
  const std::size_t begin = ++at_;
  const std::size_t end = text_.find('\'', begin);
  if (end == std::string_view::npos) throw base::Error("unexpected end: a quote (') is not closed");
  at_ = end + 1;
  return std::string(text_.substr(begin, end - begin));
}

std::string Expander::double_quoted() {
  ++at_;
  std::string result;
  while (!at_end()) {
    char c = peek();
    if (c == '"') {
      ++at_;
      return result;
    }
    if (c == '$') {
      append(result, dollar());
      continue;
    }
    ++at_;
    if (c == parameters_.escape) {
      if (keep_escapes_) append(result, std::string_view(&c, 1));
      if (at_end()) break;
      const char next = peek();
      if (next == '"' || next == '$' || next == parameters_.escape) {
        c = next;
        ++at_;
      } else if (keep_escapes_) {
        continue;
      }
    }
    append(result, std::string_view(&c, 1));
  }
  throw base::Error("unexpected end: a quote (\") is not closed");
}

std::string Expander::dollar() {
  if (depth_ == 0) substitution_ = at_;
  ++at_;
  if (peek() == '{') return braces();
  const std::string variable = name();
  if (variable.empty()) return "$";
  return value_of(variable).value_or("");
}

std::string Expander::braces() {
  const std::size_t begin = at_ - 1;
  const auto written = [&] { return base::printable(text_.substr(begin, at_ - begin)); };
  if (++depth_ > kMaximumDepth) {
    throw base::Error("substitutions are nested more than {} deep", kMaximumDepth);
  }
  ++at_;
  if (at_end()) throw base::Error("missing '}}' after {}", written());
  if (peek() == '}' || peek() == '{' || peek() == ':') {
    ++at_;
    throw base::Error("bad substitution: {}", written());
  }
  const std::string variable = name();
  if (at_end()) throw base::Error("missing '}}' after {}", written());
  std::string result;
  switch (peek()) {
    case '}':
      ++at_;
      result = value_of(variable).value_or("");
      break;
    case ':':
      ++at_;
      if (at_end()) throw base::Error("missing '}}' after {}", written());
      if (const char c = peek(); c != '-' && c != '+' && c != '?') {
        ++at_;
        throw unsupported(":" + base::printable({&c, 1}), written());
      }
      result = with_word(variable, true);
      break;
    case '-':
    case '+':
    case '?':
    case '#':
    case '%':
      result = with_word(variable, false);
      break;
    case '/':
      result = replaced(variable);
      break;
    default: {
      const char c = peek();
      if (c == '\n' || c == '\r') throw base::Error("missing '}}' after {}", written());
      ++at_;
      throw unsupported(base::printable({&c, 1}), written());
    }
  }
  --depth_;
  return result;
}

std::string Expander::with_word(std::string_view variable, bool null_is_unset) {
  const char modifier = text_[at_++];
  const bool pattern = modifier == '#' || modifier == '%';
  std::string word = pattern ? expand_pattern_until('}') : expand_until('}', nullptr);
  return choose(variable, modifier, null_is_unset, std::move(word));
}

std::string Expander::choose(std::string_view variable, char modifier, bool null_is_unset,
                             std::string word) {
  const std::optional<std::string> value = value_of(variable);
  const bool missing = !value || (null_is_unset && value->empty());
  switch (modifier) {
    case '-':
      return missing ? word : *value;
    case '+':
      return missing ? std::string() : word;
    case '?':
      if (!missing || parameters_.lookup == nullptr) return value.value_or("");
      if (word.empty()) word = value ? "is not allowed to be empty" : "is not allowed to be unset";
      throw base::Error("{}: {}", variable, base::printable(word));
    default:
      break;
  }
  const bool longest = !word.empty() && word.front() == modifier;
  const std::string_view pattern = std::string_view(word).substr(longest ? 1 : 0);
  const MatchLength length = longest ? MatchLength::kLongest : MatchLength::kShortest;
  if (!value) return {};
  return modifier == '#' ? trim_matching_prefix(*value, pattern, length)
                         : trim_matching_suffix(*value, pattern, length);
}

std::string Expander::replaced(std::string_view variable) {
  ++at_;
  Occurrences occurrences = Occurrences::kFirst;
  if (peek() == '/') {
    ++at_;
    occurrences = Occurrences::kAll;
  }
  const std::string pattern = expand_pattern_until('/');
  const std::string replacement = expand_pattern_until('}');
  const std::optional<std::string> value = value_of(variable);
  // Without a value the pattern still meets the empty text.
  if (parameters_.lookup == nullptr) return {};
  return replace_matching(value.value_or(""), pattern, replacement, occurrences);
}

std::string Expander::name() {
  const std::size_t begin = at_;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (is_digit(peek())) {
    while (is_digit(peek())) ++at_;
  } else if (!at_end() && std::string_view("@*#?-$!").find(peek()) != std::string_view::npos) {
    ++at_;
  } else {
    while (!at_end()) {
      const CodePoint point = code_point_at(text_, at_);
      if (point.value == 0xfffd && point.length == 1) break;
      if (!is_letter(point.value) && !is_digit(peek()) && peek() != '_') break;
      at_ += point.length;
    }
  }
  return std::string(text_.substr(begin, at_ - begin));
}

std::optional<std::string> Expander::value_of(std::string_view variable) {
  // Positional and special parameters never have a value.
  const bool ordinary =
      !variable.empty() && (is_letter(code_point_at(variable, 0).value) || variable.front() == '_');
  if (!ordinary) return std::nullopt;
  if (parameters_.names != nullptr) parameters_.names->emplace_back(variable);
  if (parameters_.lookup == nullptr) return std::nullopt;
  return (*parameters_.lookup)(variable);
}

}  // namespace

std::string expand_word(std::string_view word, const Lookup& lookup, char escape) {
  return Expander(word, {.lookup = &lookup, .escape = escape}).run(nullptr);
}

std::vector<std::string> expand_words(std::string_view text, const Lookup& lookup, char escape) {
  WordList words;
  Expander(text, {.lookup = &lookup, .escape = escape}).run(&words);
  return words.finish();
}

std::string expand_heredoc(std::string_view body, const Lookup& lookup) {
  return Expander(body, {.lookup = &lookup, .quotes = Quotes::kLiteral}).run(nullptr);
}

void check_word(std::string_view word, char escape) {
  Expander(word, {.escape = escape}).run(nullptr);
}

std::optional<HeredocMistake> mistake_in_heredoc(std::string_view body) {
  Expander expander(body, {.quotes = Quotes::kLiteral});
  try {
    expander.run(nullptr);
    return std::nullopt;
  } catch (const base::Error& error) {
    const auto [begin, end] = expander.substitution();
    return HeredocMistake{error, begin, end - begin};
  }
}

std::vector<std::string> variables_in(std::string_view word, char escape) {
  std::vector<std::string> names;
  try {
    Expander(word, {.names = &names, .escape = escape}).run(nullptr);
  } catch (const base::Error&) {
    return {};
  }
  return names;
}

}  // namespace bld::dockerfile
