// Values as text: the part of Go's package fmt that templates reach.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cmd/go_value.h"

namespace bld::cmd {

std::string go_text(const Value& value);  // %v

// A Go string literal with quotes, as %q writes it.
std::string go_quoted(std::string_view text);

// printf: the verbs v, T, t, d, b, o, x, X, c, q, U, e, E, f, F, g, G and s, the flags "+-# 0",
// width and precision. What does not fit is told in the text, as "%!d(string=x)".
std::string go_printf(std::string_view format, std::span<const Value> arguments);

// print puts blanks between two operands of which none is a text, println between all.
std::string go_print(std::span<const Value> arguments);
std::string go_println(std::span<const Value> arguments);

}  // namespace bld::cmd
