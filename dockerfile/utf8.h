// Code points of UTF-8 text. A byte that is no UTF-8 counts as a character of its own.
#pragma once

#include <cstddef>
#include <string_view>

namespace bld::dockerfile {

struct CodePoint {
  char32_t value;
  std::size_t length;  // in bytes
};

// `at` has to be inside of the text.
CodePoint code_point_at(std::string_view text, std::size_t at);

// Letters beyond ASCII are told from signs by block, not by the tables of Unicode: enough for the
// names of variables, without a copy of the tables.
bool is_letter(char32_t character);

}  // namespace bld::dockerfile
