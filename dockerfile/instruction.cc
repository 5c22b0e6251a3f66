#include "dockerfile/instruction.h"

namespace bld::dockerfile {

std::string Heredoc::content() const {
  if (!strip_tabs) return body;
  std::string result;
  result.reserve(body.size());
  bool at_line_start = true;
  for (const char c : body) {
    if (at_line_start && c == '\t') continue;
    result.push_back(c);
    at_line_start = c == '\n';
  }
  return result;
}

std::string CommandLine::text_with_bodies() const {
  std::string text = shell_text;
  for (const Heredoc& heredoc : heredocs) {
    text += '\n';
    text += heredoc.body;
    text += heredoc.name;
  }
  return text;
}

}  // namespace bld::dockerfile
