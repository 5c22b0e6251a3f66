// `--format`: the part of Go's text/template that people use, over Values.
//
// Fields (.A.B), variables ($x, $k, $v), pipelines, parentheses, literals; if, else if, else,
// range, with, end; trim markers and comments; and, or, not, eq, ne, lt, le, gt, ge, len, index,
// print, printf, println, json, join, split, upper, lower, title.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/go_value.h"

namespace bld::cmd {

struct TemplateNode;

class Template {
 public:
  // Throws Error that says what is wrong and where.
  static Template parse(std::string_view text);
  ~Template();
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;

  // Throws Error for a field that the value has not, a wrong type, and more than 64 MiB of output.
  std::string run(const Value& dot) const;

 private:
  explicit Template(std::vector<TemplateNode> nodes);

  std::vector<TemplateNode> nodes_;
};

// "\t" and "\n" as a shell's single quotes leave them become what they mean.
std::string unescaped(std::string_view format);

}  // namespace bld::cmd
