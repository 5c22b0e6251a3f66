// A template as a tree. Private to go_template*.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/go_value.h"

namespace bld::cmd {

struct Pipeline;

// One word of a command: what it begins with, then fields of that.
struct Operand {
  enum class Kind { kDot, kVariable, kLiteral, kFunction, kParentheses };
  Kind kind = Kind::kDot;
  std::string name;  // of a variable (with '$') or a function
  Value literal;
  std::vector<Pipeline> inner;      // of parentheses: one
  std::vector<std::string> fields;  // ".A.B"
};

using TemplateCommand = std::vector<Operand>;

struct Pipeline {
  std::vector<std::string> variables;  // "$x :=", "$k, $v :="
  bool assigns = false;                // "=": the variable is there already
  std::vector<TemplateCommand> commands;
};

struct TemplateNode {
  enum class Kind { kText, kPrint, kIf, kRange, kWith };
  Kind kind = Kind::kText;
  std::string text;
  Pipeline pipeline;
  std::vector<TemplateNode> body, otherwise;
};

std::vector<TemplateNode> parse_template(std::string_view text);

// Calls a function with its arguments; throws when there is no such function.
Value call_function(std::string_view name, const std::vector<Value>& arguments);
bool is_function(std::string_view name);

}  // namespace bld::cmd
