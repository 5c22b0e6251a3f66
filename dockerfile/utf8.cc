#include "dockerfile/utf8.h"

#include <array>

namespace bld::dockerfile {

CodePoint code_point_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  constexpr char32_t kBroken = 0xfffd;
  std::size_t length = 0;
  char32_t value = 0;
  char32_t least = 0;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2, value = first & 0x1fU, least = 0x80;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3, value = first & 0x0fU, least = 0x800;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4, value = first & 0x07U, least = 0x10000;
  }
  if (length == 0 || text.size() - at < length) return {kBroken, 1};
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return {kBroken, 1};
    value = value << 6U | (byte(i) & 0x3fU);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < least || value > 0x10ffff || surrogate) return {kBroken, 1};
  return {value, length};
}

bool is_letter(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

  struct Block {
    char32_t first, last;
  };

  // Signs, punctuation, spaces, combining and private characters.
  static constexpr std::array<Block, 14> kSigns = {{{0x80, 0xa9},
                                                    {0xab, 0xb4},
                                                    {0xb6, 0xb9},
                                                    {0xbb, 0xbf},
                                                    {0xd7, 0xd7},
                                                    {0xf7, 0xf7},
                                                    {0x300, 0x36f},
                                                    {0x2000, 0x2070},
                                                    {0x20a0, 0x2101},
                                                    {0x2190, 0x2bff},
                                                    {0x3000, 0x3004},
                                                    {0x3007, 0x3030},
                                                    {0xd800, 0xf8ff},
                                                    {0xfe00, 0xfe6f}}};
  for (const Block& block : kSigns) {
    if (c >= block.first && c <= block.last) return false;
  }
  if (c >= 0xff00 && c <= 0xffff) return c >= 0xff21 && c <= 0xffdc && !(c >= 0xff3b && c < 0xff41);
  return c < 0x1f000 || c >= 0x20000;
}

}  // namespace bld::dockerfile
