#include "dockerfile/source_text.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace bld::dockerfile {

SourceText::SourceText(std::string file_name, std::string text)
    : file_name_(std::move(file_name)), text_(std::move(text)) {
  if (text_.size() > kMaximumBytes) {
    throw base::Error("{} has {} bytes, which is more than {}", file_name_, text_.size(),
                      kMaximumBytes);
  }
  if (text_.starts_with("\xef\xbb\xbf")) text_.erase(0, 3);
  for (std::size_t at = 0; at < text_.size();) {
    line_starts_.push_back(at);
    const std::size_t end = text_.find('\n', at);
    at = end == std::string::npos ? text_.size() : end + 1;
  }
  if (const std::size_t nul = text_.find('\0'); nul != std::string::npos) {
    const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), nul);
    base::Error error("{} holds a NUL byte", file_name_);
    error.hint("a Containerfile is UTF-8 text");
    base::SourcePosition position;
    position.file = file_name_;
    position.line = static_cast<int>(after - line_starts_.begin());
    throw error.at(position);
  }
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
  base::SourcePosition position;
  position.file = file_name_;
  position.line = span.line;
  position.column = span.column;
  position.length = span.length;
  if (span.line >= 1 && span.line <= line_count()) position.source_line = line(span.line);
  return position;
}

}  // namespace bld::dockerfile
