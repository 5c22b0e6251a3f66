// A template as a tree. Private to go_template*.cc.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/go_value.h"

namespace bld::cmd {

struct Pipeline;

// Where something is in the template, for messages about what happened when it was carried out.
struct TemplatePlace {
  int line = 1;
  std::size_t column = 0;  // bytes in front of it in its line, as Go counts
  std::string text;        // the thing itself
};

// One word of a command: what it begins with, then fields of that.
struct Operand {
  enum class Kind { kDot, kVariable, kLiteral, kFunction, kParentheses };
  Kind kind = Kind::kDot;
  std::string name;  // of a variable (with '$') or a function
  Value literal;
  std::vector<Pipeline> inner;      // of parentheses: one
  std::vector<std::string> fields;  // ".A.B"
  TemplatePlace place;
};

struct TemplateCommand {
  std::vector<Operand> words;  // at least one
  TemplatePlace place;
};

struct Pipeline {
  std::vector<std::string> variables;  // "$x :=", "$k, $v :="
  bool assigns = false;                // "=": the variable is there already
  std::vector<TemplateCommand> commands;
  TemplatePlace place;
};

struct TemplateNode {
  enum class Kind { kText, kPrint, kIf, kRange, kWith, kBreak, kContinue, kTemplate };
  Kind kind = Kind::kText;
  std::string text;  // of kTemplate: its name
  Pipeline pipeline;
  std::vector<TemplateNode> body, otherwise;
};

struct TemplateTree {
  std::string name;  // what messages call the whole
  std::vector<TemplateNode> nodes;
  std::map<std::string, std::vector<TemplateNode>, std::less<>> defined;  // by define and block
};

// Throws Error as Template::parse.
TemplateTree parse_template(std::string_view text, std::string_view name);

// Calls a function with its arguments; throws when it cannot take them.
Value call_function(std::string_view name, const std::vector<Value>& arguments);
bool is_function(std::string_view name);

}  // namespace bld::cmd
