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

// Some lines of one file.
struct SourcePart {
  std::string file_name;
  std::string text;    // a missing LF at its end is added when another part follows
  int first_line = 1;  // where in that file the text begins
};

// Owns the text: one file, or the parts of several, read one after the other. Spans count through
// all of it; position() says file and line. A byte order mark at the start of a file is dropped;
// lines end in LF, and may have a CR before it that is no part of line(). Throws Error if the text
// is larger than 16 MiB or holds NUL bytes.
class SourceText {
 public:
  static constexpr std::size_t kMaximumBytes = 16U << 20;
  static constexpr int kLinesAround = 2;    // that a position shows before and after its own
  static constexpr int kLinesOfPiece = 10;  // of a piece of many lines that it shows

  SourceText(std::string file_name, std::string text);
  explicit SourceText(std::vector<SourcePart> parts);

  const std::string& file_name() const { return parts_.front().file_name; }  // of the first part

  const std::string& text() const { return text_; }  // of all parts, without a byte order mark

  int line_count() const { return static_cast<int>(line_starts_.size()); }

  std::string_view line(int number) const;      // without its end
  std::string_view raw_line(int number) const;  // without the LF, with a CR if there is one
  base::SourcePosition position(const Span& span) const;

 private:
  struct Part {
    std::string file_name;
    int file_line;  // in the file, of the part's first line
    int line;       // the same line in all of the text
  };

  void append(SourcePart part);
  std::vector<Part>::const_iterator part_of(int line) const;

  std::vector<Part> parts_;
  std::string text_;
  std::vector<std::size_t> line_starts_;  // an empty last line is none
};

}  // namespace bld::dockerfile
