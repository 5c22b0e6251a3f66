// How wide text is on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bld::cmd {

// Columns of well-formed UTF-8 without control characters: East Asian and emoji characters take
// two, combining marks none.
std::size_t columns_of(std::string_view text);

// The front of `text`, at most so many columns.
std::string_view front_columns(std::string_view text, std::size_t columns);

}  // namespace bld::cmd
