#include "dockerfile/pattern.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "dockerfile/utf8.h"

namespace bld::dockerfile {

namespace {

[[noreturn]] void malformed(std::string_view pattern, std::string_view why) {
  throw base::Error("the pattern '{}' is malformed: {}", base::printable(pattern), why);
}

}  // namespace

Pattern::Pattern(std::string_view text, DoubleStar double_star) : text_(text) {
  compile(text, double_star);
  literal_ = std::all_of(tokens_.begin(), tokens_.end(),
                         [](const Token& token) { return token.kind == Kind::kByte; });
  if (!literal_) return;
  for (const Token& token : tokens_) literal_text_ += token.byte;
  tokens_.clear();
}

void Pattern::compile(std::string_view text, DoubleStar double_star) {
  const auto push = [&](Kind kind, char byte = 0) {
    Token token;
    token.kind = kind;
    token.byte = byte;
    tokens_.push_back(std::move(token));
  };
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '*') {
      std::size_t stars = 1;
      while (at + stars < text.size() && text[at + stars] == '*') ++stars;
      at += stars;
      if (stars == 1 || double_star == DoubleStar::kSameAsStar) {
        push(Kind::kStar);
      } else if (at == text.size()) {
        push(Kind::kRest);
      } else {
        if (text[at] == '/') ++at;
        // Two in a row mean the same as one.
        if (!tokens_.empty() && tokens_.back().kind == Kind::kDeepLoop && at < text.size())
          continue;
        push(at == text.size() ? Kind::kRest : Kind::kDeepStart);
        if (at < text.size()) push(Kind::kDeepLoop);
      }
    } else if (c == '?') {
      push(Kind::kAnyChar);
      ++at;
    } else if (c == '[') {
      at = compile_class(text, at + 1);
    } else {
      if (c == '\\' && ++at == text.size()) malformed(text, "it ends in a backslash");
      push(Kind::kByte, text[at]);
      ++at;
    }
  }
}

std::size_t Pattern::compile_class(std::string_view text, std::size_t at) {
  Token token;
  token.kind = Kind::kClass;
  const auto character = [&]() -> char32_t {
    if (at < text.size() && text[at] == '\\') ++at;
    if (at >= text.size()) malformed(text, "a '[' is not closed");
    const CodePoint point = code_point_at(text, at);
    at += point.length;
    return point.value;
  };
  if (at < text.size() && text[at] == '^') {
    token.negated = true;
    ++at;
  }
  while (at < text.size() && (text[at] != ']' || token.ranges.empty())) {
    if (text[at] == '-' || text[at] == ']') malformed(text, "a range in '[…]' is not complete");
    Range range{};
    range.low = range.high = character();
    if (at < text.size() && text[at] == '-') {
      ++at;
      if (at < text.size() && (text[at] == ']' || text[at] == '-')) {
        malformed(text, "a range in '[…]' is not complete");
      }
      range.high = character();
    }
    token.ranges.push_back(range);
  }
  if (at >= text.size()) malformed(text, "a '[' is not closed");
  tokens_.push_back(std::move(token));
  return at + 1;
}

bool Pattern::in_class(const Token& token, char32_t character) const {
  const bool found = std::any_of(token.ranges.begin(), token.ranges.end(), [&](const Range& range) {
    return character >= range.low && character <= range.high;
  });
  return found != token.negated;
}

// The pattern as an automaton: state i is "about to match token i". All states that the path so
// far allows are followed at once, so nothing is ever tried twice.
void Pattern::enter(std::vector<char>& states, std::size_t state) const {
  for (;; ++state) {
    if (states[state] != 0) return;
    states[state] = 1;
    if (state == tokens_.size()) return;
    const Kind kind = tokens_[state].kind;
    if (kind == Kind::kDeepStart) {
      enter(states, state + 2);
    } else if (kind != Kind::kStar && kind != Kind::kRest) {
      return;
    }
  }
}

std::vector<char> Pattern::states_after(std::string_view path) const {
  std::vector<char> states(tokens_.size() + 1);
  std::vector<char> following(tokens_.size() + 1);
  enter(states, 0);
  for (std::size_t at = 0; at < path.size();) {
    // Bytes of a literal are taken one at a time, other characters whole: a token that takes a
    // whole character is only ever at its first byte, because literals are whole in a pattern too.
    const CodePoint point = code_point_at(path, at);
    const std::string_view bytes = path.substr(at, point.length);
    std::fill(following.begin(), following.end(), 0);
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (states[i] == 0) continue;
      const Token& token = tokens_[i];
      const bool slash = bytes == "/";
      switch (token.kind) {
        case Kind::kByte: {
          std::size_t matched = 0;
          while (matched < bytes.size() && i + matched < tokens_.size() &&
                 tokens_[i + matched].kind == Kind::kByte &&
                 tokens_[i + matched].byte == bytes[matched]) {
            ++matched;
          }
          if (matched == bytes.size()) enter(following, i + matched);
          break;
        }
        case Kind::kAnyChar:
          if (!slash) enter(following, i + 1);
          break;
        case Kind::kClass:
          if (!slash && in_class(token, point.value)) enter(following, i + 1);
          break;
        case Kind::kStar:
          if (!slash) enter(following, i);
          break;
        case Kind::kRest:
          enter(following, i);
          break;
        case Kind::kDeepStart:
          break;
        case Kind::kDeepLoop:
          following[i] = 1;
          if (slash) enter(following, i + 1);
          break;
      }
    }
    states.swap(following);
    at += point.length;
  }
  return states;
}

bool Pattern::matches(std::string_view path) const {
  if (literal_) return path == literal_text_;
  return states_after(path).back() != 0;
}

bool Pattern::may_match_below(std::string_view folder) const {
  if (folder.empty() || folder == ".") return true;
  const std::string prefix = std::string(folder) + '/';
  if (literal_) return literal_text_.starts_with(prefix);
  const std::vector<char> states = states_after(prefix);
  return std::find(states.begin(), states.end(), 1) != states.end();
}

bool has_wildcard(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

bool match_path(std::string_view pattern, std::string_view path, DoubleStar double_star) {
  return Pattern(pattern, double_star).matches(path);
}

std::string clean_path(std::string_view path) {
  const bool rooted = path.starts_with('/');
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!rooted) {
      parts.push_back(part);
    }
  }
  std::string result = rooted ? "/" : "";
  for (const std::string_view part : parts) {
    if (result.size() > (rooted ? 1U : 0U)) result += '/';
    result += part;
  }
  return result.empty() ? "." : result;
}

}  // namespace bld::dockerfile
