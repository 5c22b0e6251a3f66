#include "cmd/shell_words.h"

#include <utility>

#include "base/error.h"

namespace bld::cmd {

std::vector<std::string> shell_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool escapes = c == '\\' && quote != '\'' && i + 1 < text.size() &&
                         (quote == '\0' || text[i + 1] == '"' || text[i + 1] == '\\' ||
                          text[i + 1] == '$' || text[i + 1] == '`');
    if (escapes) {
      word += text[++i];
      in_word = true;
    } else if (c == quote) {
      quote = '\0';
    } else if (quote != '\0') {
      word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != '\0') throw base::Error("{} is not closed in: {}", quote, text);
  if (in_word) words.push_back(std::move(word));
  return words;
}

}  // namespace bld::cmd
