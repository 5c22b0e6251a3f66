// Small operations on text that every folder needs.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bld::base {

std::string to_lower(std::string_view text);   // ASCII
std::string to_upper(std::string_view text);   // ASCII
std::string_view trim(std::string_view text);  // blanks, tabs, CR, LF at both ends
std::vector<std::string> split(std::string_view text, char separator);  // keeps empty parts
std::string join(std::span<const std::string> parts, std::string_view separator);

// Decimal digits only, without sign; nothing on anything else or on overflow.
std::optional<unsigned long long> parse_unsigned(std::string_view text, int radix = 10);

// Control characters and bytes that are no UTF-8 as \xNN: foreign text on a terminal.
std::string printable(std::string_view text);

// The candidate that the user most likely meant, by edit distance and regardless of case.
std::optional<std::string> nearest(std::string_view word,
                                   std::span<const std::string_view> candidates);

}  // namespace bld::base
