// $NAME, ${NAME:-word}, quotes and escapes, over variables that the caller has.
//
// Every function throws base::Error without a position: the caller knows the Word's span.
// Results are limited to 1 MiB, nesting of ${…} to 100.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace bld::dockerfile {

// The value of a variable, or nothing if it is not set. Names are letters, digits and _, and do
// not begin with a digit.
using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

// Everything expanded, quotes and escapes removed. The result is one word, whatever is in it.
std::string expand_word(std::string_view word, const Lookup& lookup, char escape = '\\');

// For EXPOSE: blanks that are neither quoted nor escaped separate words, also those in values.
std::vector<std::string> expand_words(std::string_view text, const Lookup& lookup,
                                      char escape = '\\');

// The body of an unquoted heredoc: quotes stay, a backslash vanishes before what it protects.
std::string expand_heredoc(std::string_view body, const Lookup& lookup);

// Throws what expand_word() would throw whatever the variables are.
void check_word(std::string_view word, char escape = '\\');

// What expand_heredoc() would throw whatever the variables are, and the bytes of the body that it
// is about.
struct HeredocMistake {
  base::Error error;
  std::size_t offset, length;
};

std::optional<HeredocMistake> mistake_in_heredoc(std::string_view body);

// The variables that the word asks for, in order, with repetitions. Nothing if it is malformed.
std::vector<std::string> variables_in(std::string_view word, char escape = '\\');

}  // namespace bld::dockerfile
