#include "cmd/listing.h"

#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "cmd/go_template.h"
#include "cmd/human.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

namespace {

// Blanks between actions divide columns; inside an action they are syntax.
std::string with_tabs(std::string_view format) {
  std::string text;
  int depth = 0;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format.substr(i).starts_with("{{")) ++depth;
    if (format.substr(i).starts_with("}}")) --depth;
    text += depth == 0 && format[i] == ' ' ? '\t' : format[i];
  }
  return text;
}

void append_rows(std::vector<std::vector<std::string>>& rows, std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  for (const std::string& line : base::split(text, '\n')) rows.push_back(base::split(line, '\t'));
}

}  // namespace

std::string list_by_template(const std::string& format, const std::vector<Value>& rows,
                             const std::vector<Column>& columns, Header header) {
  if (!format.starts_with("table ")) {
    const Template plain = Template::parse(unescaped(format));
    std::string text;
    for (const Value& row : rows) {
      text += plain.run(row);
      if (!text.ends_with('\n')) text += '\n';
    }
    return text;
  }
  const Template line = Template::parse(with_tabs(unescaped(format.substr(6))));
  std::vector<std::vector<std::string>> cells;
  if (header == Header::kShown) {
    Value::Record heads;
    for (const Column& column : columns) heads.fields.push_back({column.field, "", column.header});
    append_rows(cells, line.run(heads));
  }
  for (const Value& row : rows) append_rows(cells, line.run(row));
  return table_text(cells);
}

void print_by_format(const std::string& format, const Value& value) {
  if (format.empty()) return print(json_text(value));
  const std::size_t open = format.find("{{");
  if (open == std::string::npos || format.find("}}", open) == std::string::npos) {
    throw base::Error("invalid format provided: {}", base::printable(format));
  }
  const std::string text = Template::parse(format).run(value);
  print(text);
  if (is_terminal(STDOUT_FILENO) && !text.ends_with('\n')) print("\n");
}

std::string json_text(const Value& value) { return value.json().str(4) + "\n"; }

}  // namespace bld::cmd
