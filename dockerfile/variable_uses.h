// Where a text uses variables, for messages that point at the very use.
//
// expand.h decides what a word means; this only finds $NAME and ${NAME…} in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bld::dockerfile {

struct VariableUse {
  std::string name;  // letters, digits and _, not a digit first; no special parameters
  std::size_t begin = 0;
  std::size_t end = 0;        // of $NAME, or of ${NAME without what follows
  bool may_be_unset = false;  // ${NAME:-…}, ${NAME+…}, ${NAME?…}: the text reckons with it
};

// In kLiteral quotes are ordinary characters, as in heredocs.
enum class QuoteMeaning { kGroup, kLiteral };

std::vector<VariableUse> variable_uses(std::string_view text,
                                       QuoteMeaning quotes = QuoteMeaning::kGroup,
                                       char escape = '\\');

}  // namespace bld::dockerfile
