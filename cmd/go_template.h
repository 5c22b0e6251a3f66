// `--format`: Go's text/template over Values.
//
// Fields (.A.B), variables ($x, $k, $v), pipelines, parentheses, literals; if, else if, else,
// range, break, continue, with, end, define, template, block; trim markers and comments; Go's own
// functions but for call, and json, join, split, upper, lower, title.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cmd/go_value.h"

namespace bld::cmd {

struct TemplateTree;

class Template {
 public:
  // `name` is what messages call it. Throws Error that says what is wrong and in which line:
  // "Template parsing error: template: NAME:1: …".
  static Template parse(std::string_view text, std::string_view name = "format");
  ~Template();
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;

  // Throws Error for a field that the value has not, a wrong type, and more than 64 MiB of output:
  // "template: NAME:1:2: executing "NAME" at <.Nosuch>: …".
  std::string run(const Value& dot) const;

 private:
  explicit Template(TemplateTree tree);

  std::unique_ptr<const TemplateTree> tree_;
};

// "\t" and "\n" as a shell's single quotes leave them become what they mean.
std::string unescaped(std::string_view format);

}  // namespace bld::cmd
