// The text of a Containerfile, and places in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace bld::dockerfile {

// A piece of the text. Lines and columns count from 1, columns and length in bytes of the line.
// A piece that runs over a continuation underlines only its part on the first line.
struct Span {
  int line = 0;
  int column = 0;
  int length = 0;
  int last_line = 0;  // of an instruction: with its continuation lines and heredocs
  bool operator==(const Span&) const = default;
};

// Owns the text. A byte order mark at the start is dropped; lines end in LF, and may have a CR
// before it that is no part of line(). Throws Error if the text is larger than 16 MiB or holds NUL
// bytes.
class SourceText {
 public:
  static constexpr std::size_t kMaximumBytes = 16U << 20;

  SourceText(std::string file_name, std::string text);

  const std::string& file_name() const { return file_name_; }

  int line_count() const { return static_cast<int>(line_starts_.size()); }

  std::string_view line(int number) const;      // without its end
  std::string_view raw_line(int number) const;  // without the LF, with a CR if there is one
  base::SourcePosition position(const Span& span) const;

 private:
  std::string file_name_;
  std::string text_;
  std::vector<std::size_t> line_starts_;  // an empty last line is none
};

}  // namespace bld::dockerfile
