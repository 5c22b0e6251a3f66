#include "dockerfile/shell_pattern.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/error.h"
#include "dockerfile/utf8.h"

namespace bld::dockerfile {

namespace {

// Beyond this many steps a pattern is an attack, not a pattern.
constexpr std::size_t kMaximumSteps = 1'000'000'000;

constexpr char32_t kAnyCharacter = 0x110000;

using Text = std::u32string;

// What broken UTF-8 becomes, so that the bytes come back as they were.
constexpr char32_t kRawByte = 0x120000;

Text decode(std::string_view text) {
  Text result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    const bool broken = point.length == 1 && static_cast<unsigned char>(text[at]) >= 0x80;
    result.push_back(broken ? kRawByte + static_cast<unsigned char>(text[at]) : point.value);
    at += point.length;
  }
  return result;
}

std::size_t encoded_length(char32_t c) {
  if (c < 0x80 || c >= kRawByte) return 1;
  if (c < 0x800) return 2;
  return c < 0x10000 ? 3 : 4;
}

// The text between the stars. A pattern without a star is one segment; "*" is two empty ones.
using Segments = std::vector<Text>;

Segments parse(std::string_view pattern) {
  Segments segments(1);
  const Text text = decode(pattern);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '*') {
      if (segments.size() == 1 || !segments.back().empty()) segments.emplace_back();
    } else if (text[at] == '?') {
      segments.back().push_back(kAnyCharacter);
    } else {
      if (text[at] == '\\' && at + 1 < text.size()) ++at;
      segments.back().push_back(text[at]);
    }
  }
  return segments;
}

bool matches_at(const Text& value, std::size_t at, const Text& segment) {
  if (value.size() - at < segment.size()) return false;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] != kAnyCharacter && segment[i] != value[at + i]) return false;
  }
  return true;
}

std::optional<std::size_t> find(const Text& value, std::size_t from, const Text& segment) {
  for (std::size_t at = from; at + segment.size() <= value.size(); ++at) {
    if (matches_at(value, at, segment)) return at;
  }
  return std::nullopt;
}

std::optional<std::size_t> find_last(const Text& value, std::size_t from, const Text& segment) {
  for (std::size_t at = value.size() + 1; at-- > from;) {
    if (matches_at(value, at, segment)) return at;
  }
  return std::nullopt;
}

// Where a match that begins at `begin` ends. Taking each segment at its first place leaves the
// most for the rest, so nothing is tried twice.
std::optional<std::size_t> match_end(const Text& value, std::size_t begin, const Segments& pattern,
                                     MatchLength length) {
  if (!matches_at(value, begin, pattern.front())) return std::nullopt;
  std::size_t end = begin + pattern.front().size();
  for (std::size_t i = 1; i < pattern.size(); ++i) {
    const bool last = i + 1 == pattern.size();
    const auto found = last && length == MatchLength::kLongest ? find_last(value, end, pattern[i])
                                                               : find(value, end, pattern[i]);
    if (!found) return std::nullopt;
    end = *found + pattern[i].size();
  }
  return end;
}

void check_effort(std::string_view value, std::string_view pattern) {
  if (!pattern.empty() && value.size() > kMaximumSteps / pattern.size()) {
    throw base::Error("the pattern and the value are too long to be matched");
  }
}

std::size_t byte_length(const Text& value, std::size_t begin, std::size_t end) {
  std::size_t bytes = 0;
  for (std::size_t at = begin; at < end; ++at) bytes += encoded_length(value[at]);
  return bytes;
}

}  // namespace

std::string trim_matching_prefix(std::string_view value, std::string_view pattern,
                                 MatchLength length) {
  check_effort(value, pattern);
  const Text text = decode(value);
  const auto end = match_end(text, 0, parse(pattern), length);
  return std::string(end ? value.substr(byte_length(text, 0, *end)) : value);
}

std::string trim_matching_suffix(std::string_view value, std::string_view pattern,
                                 MatchLength length) {
  check_effort(value, pattern);
  // The same thing backwards.
  Text text = decode(value);
  Segments segments = parse(pattern);
  std::reverse(text.begin(), text.end());
  std::reverse(segments.begin(), segments.end());
  for (Text& segment : segments) std::reverse(segment.begin(), segment.end());
  const auto end = match_end(text, 0, segments, length);
  return std::string(end ? value.substr(0, value.size() - byte_length(text, 0, *end)) : value);
}

std::string replace_matching(std::string_view value, std::string_view pattern,
                             std::string_view replacement, Occurrences occurrences) {
  check_effort(value, pattern);
  const Text text = decode(value);
  const Segments segments = parse(pattern);
  std::string result;
  std::size_t bytes = 0;  // of value that are in result or replaced
  std::size_t at = 0;
  std::optional<std::size_t> previous_end;
  while (at <= text.size()) {
    // If the rest of the pattern does not follow its first place, it follows no later one.
    const auto begin = find(text, at, segments.front());
    const auto end = begin ? match_end(text, *begin, segments, MatchLength::kLongest) : begin;
    if (!end) break;
    const std::size_t before = byte_length(text, at, *begin);
    result += value.substr(bytes, before);
    bytes += before;
    // An empty match right after another one is none.
    const bool empty = *end == *begin;
    if (!empty || previous_end != *begin) result += replacement;
    bytes += byte_length(text, *begin, *end);
    at = *end;
    previous_end = *end;
    if (occurrences == Occurrences::kFirst) break;
    if (empty) {
      if (at == text.size()) break;
      const std::size_t one = encoded_length(text[at]);
      result += value.substr(bytes, one);
      bytes += one;
      ++at;
    }
  }
  result += value.substr(std::min(bytes, value.size()));
  return result;
}

}  // namespace bld::dockerfile
