// Errors and warnings as text for people.
#pragma once

#include <string>

#include "base/error.h"
#include "base/events.h"

namespace bld::cmd {

struct ErrorStyle {
  bool color = false;
  // What has a place gets another line besides, "::error file=…,line=…,col=…::what": the workflow
  // command of GitHub Actions that shows it beside the file.
  bool annotations = false;

  // As the environment wants it for what is written to `fd`. GITHUB_ACTIONS=true asks for
  // annotations.
  static ErrorStyle of(int fd);
};

// Whether to paint what is written to `fd`: a terminal, unless NO_COLOR or TERM=dumb is set, and
// anything if CLICOLOR_FORCE is.
bool wants_color(int fd);

// "Error: FILE:LINE:COLUMN: what", the lines around with a caret under the word, the advice. Each
// line is at most 2,000 bytes; control characters and what is no UTF-8 are shown as \xNN. Ends with
// a newline.
std::string render_error(const base::Error& error, const ErrorStyle& style = {});

// "[Warning] FILE:LINE:COLUMN: what", with source line and caret; of a lint rule only the line with
// its name: "[Warning] FILE:LINE:COLUMN: RULE: what".
std::string render_warning(const base::Warning& warning, const ErrorStyle& style = {});

}  // namespace bld::cmd
