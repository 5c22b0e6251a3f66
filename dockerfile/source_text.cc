#include "dockerfile/source_text.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace bld::dockerfile {

SourceText::SourceText(std::string file_name, std::string text)
    : SourceText({SourcePart{std::move(file_name), std::move(text)}}) {}

SourceText::SourceText(std::vector<SourcePart> parts) {
  BLD_CHECK(!parts.empty());
  for (SourcePart& part : parts) append(std::move(part));
  if (const std::size_t nul = text_.find('\0'); nul != std::string::npos) {
    const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), nul);
    base::SourcePosition place =
        position({static_cast<int>(after - line_starts_.begin()), 0, 0, 0});
    place.source_line.clear();
    base::Error error("{} holds a NUL byte", place.file);
    error.hint("a Containerfile is UTF-8 text");
    throw error.at(place);
  }
}

void SourceText::append(SourcePart part) {
  if (text_.size() + part.text.size() > kMaximumBytes) {
    throw base::Error("{} has {} bytes, which is more than {}", part.file_name,
                      text_.size() + part.text.size(), kMaximumBytes);
  }
  if (part.first_line == 1 && part.text.starts_with("\xef\xbb\xbf")) part.text.erase(0, 3);
  if (!text_.empty() && !text_.ends_with('\n')) text_ += '\n';
  std::size_t at = text_.size();
  parts_.push_back({std::move(part.file_name), part.first_line, line_count() + 1});
  text_ += part.text;
  while (at < text_.size()) {
    line_starts_.push_back(at);
    const std::size_t end = text_.find('\n', at);
    at = end == std::string::npos ? text_.size() : end + 1;
  }
}

// An empty part has no lines: of several that begin at one line, the last has it.
std::vector<SourceText::Part>::const_iterator SourceText::part_of(int line) const {
  const auto next = std::upper_bound(parts_.begin(), parts_.end(), line,
                                     [](int l, const Part& part) { return l < part.line; });
  return next == parts_.begin() ? next : std::prev(next);
}

std::string_view SourceText::raw_line(int number) const {
  BLD_CHECK(number >= 1 && number <= line_count());
  const auto index = static_cast<std::size_t>(number) - 1;
  const std::size_t begin = line_starts_[index];
  const std::size_t end = number == line_count() ? text_.size() : line_starts_[index + 1];
  std::string_view line = std::string_view(text_).substr(begin, end - begin);
  if (line.ends_with('\n')) line.remove_suffix(1);
  return line;
}

std::string_view SourceText::line(int number) const {
  std::string_view line = raw_line(number);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

base::SourcePosition SourceText::position(const Span& span) const {
  const auto found = part_of(span.line);
  const Part& part = *found;
  const int end = std::next(found) == parts_.end() ? line_count() + 1 : std::next(found)->line;
  base::SourcePosition position;
  position.file = part.file_name;
  position.line = span.line - part.line + part.file_line;
  position.column = span.column;
  position.length = span.length;
  if (span.line < 1 || span.line > line_count()) return position;
  position.source_line = line(span.line);
  for (int i = std::max(part.line, span.line - kLinesAround); i < span.line; ++i) {
    position.lines_before.emplace_back(line(i));
  }
  const int last =
      std::clamp(span.last_line, span.line + kLinesAround, span.line + kLinesOfPiece - 1);
  for (int i = span.line + 1; i <= std::min(end - 1, last); ++i) {
    position.lines_after.emplace_back(line(i));
  }
  return position;
}

}  // namespace bld::dockerfile
