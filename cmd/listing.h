// Rows of values as `--format` and `--json` show them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cmd/go_value.h"

namespace bld::cmd {

struct Column {
  std::string field, header;
};

// A template's output, a line a row. "table TEMPLATE" aligns columns, which tabs or blanks between
// actions divide, below a header made of `columns` (unless it is left out).
enum class Header { kShown, kLeftOut };
std::string list_by_template(const std::string& format, const std::vector<Value>& rows,
                             const std::vector<Column>& columns, Header header);

// JSON on lines, indented by four blanks.
std::string json_text(const Value& value);

// Prints one value through a template, which must have an action; without one, as JSON. A terminal
// gets a newline at the end where the template has none.
void print_by_format(const std::string& format, const Value& value);

}  // namespace bld::cmd
