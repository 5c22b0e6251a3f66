#include "dockerfile/variable_uses.h"

namespace bld::dockerfile {

namespace {

bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool continues_name(char c) { return begins_name(c) || (c >= '0' && c <= '9'); }

// What follows the name within braces.
bool has_fallback(std::string_view rest) {
  if (rest.starts_with(':')) rest.remove_prefix(1);
  return !rest.empty() && (rest[0] == '-' || rest[0] == '+' || rest[0] == '?' || rest[0] == '=');
}

}  // namespace

std::vector<VariableUse> variable_uses(std::string_view text, QuoteMeaning quotes, char escape) {
  std::vector<VariableUse> uses;
  char quote = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote == '\'') {
      if (c == '\'') quote = 0;
    } else if (c == escape) {
      ++at;
    } else if (quotes == QuoteMeaning::kGroup && (c == '"' || (c == '\'' && quote == 0))) {
      quote = quote == c ? '\0' : c;
    } else if (c == '$') {
      const bool braces = at + 1 < text.size() && text[at + 1] == '{';
      const std::size_t begin = at + (braces ? 2 : 1);
      std::size_t end = begin;
      while (end < text.size() && continues_name(text[end])) ++end;
      if (end == begin || !begins_name(text[begin])) continue;
      uses.push_back({std::string(text.substr(begin, end - begin)), at, end,
                      braces && has_fallback(text.substr(end))});
      at = end - 1;
    }
  }
  return uses;
}

}  // namespace bld::dockerfile
