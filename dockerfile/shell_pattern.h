// The patterns of ${name#pattern}, ${name%pattern} and ${name/pattern/word}.
//
// `*` is any text and `?` any character, slashes included; a backslash makes the next character
// literal. Longest and shortest matches are found in pattern × value steps at most.
#pragma once

#include <string>
#include <string_view>

namespace bld::dockerfile {

enum class MatchLength { kShortest, kLongest };
enum class Occurrences { kFirst, kAll };

std::string trim_matching_prefix(std::string_view value, std::string_view pattern,
                                 MatchLength length);
std::string trim_matching_suffix(std::string_view value, std::string_view pattern,
                                 MatchLength length);
std::string replace_matching(std::string_view value, std::string_view pattern,
                             std::string_view replacement, Occurrences occurrences);

}  // namespace bld::dockerfile
