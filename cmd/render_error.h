// Errors and warnings as text for people.
#pragma once

#include <string>

#include "base/error.h"
#include "base/events.h"

namespace bld::cmd {

// "Error: FILE:LINE:COLUMN: what", the source line with a caret, the advice. Each line is at most
// 2,000 bytes; control characters and what is no UTF-8 are shown as \xNN. Ends with a newline.
std::string render_error(const base::Error& error);

// "[Warning] FILE:LINE:COLUMN: what", with source line and caret; of a lint rule only the line with
// its name: "[Warning] FILE:LINE:COLUMN: RULE: what".
std::string render_warning(const base::Warning& warning);

}  // namespace bld::cmd
