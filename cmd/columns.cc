#include "cmd/columns.h"

#include <algorithm>
#include <iterator>

#include "dockerfile/utf8.h"

namespace bld::cmd {

namespace {

struct Range {
  char32_t first, last;
};

// Unicode 15, East_Asian_Width W and F, in broad strokes: what terminals agree on. Those of libc
// depend on the locale, which is "C" in most builds.
constexpr Range kWide[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},  {0xa960, 0xa97c}, {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},  {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
// Combining marks, joiners and variation selectors.
constexpr Range kEmpty[] = {{0x300, 0x36f},   {0x200b, 0x200f}, {0x20d0, 0x20f0},
                            {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};

template <std::size_t N>
bool is_in(const Range (&ranges)[N], char32_t c) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [c](const Range& range) { return c >= range.first && c <= range.last; });
}

std::size_t width_of(char32_t c) {
  if (c < 0x300) return 1;
  if (is_in(kEmpty, c)) return 0;
  return is_in(kWide, c) ? 2 : 1;
}

}  // namespace

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size();) {
    const dockerfile::CodePoint point = dockerfile::code_point_at(text, at);
    columns += width_of(point.value);
    at += point.length;
  }
  return columns;
}

std::string_view front_columns(std::string_view text, std::size_t columns) {
  std::size_t at = 0;
  while (at < text.size()) {
    const dockerfile::CodePoint point = dockerfile::code_point_at(text, at);
    const std::size_t width = width_of(point.value);
    if (width > columns) break;
    columns -= width;
    at += point.length;
  }
  return text.substr(0, at);
}

}  // namespace bld::cmd
