// Carries a template out.
#include "cmd/go_template.h"

#include <utility>

#include "base/error.h"
#include "cmd/go_template_ast.h"

namespace bld::cmd {

using base::Error;

namespace {

constexpr std::size_t kOutputLimitBytes = 64 << 20;

class Execution {
 public:
  explicit Execution(const Value& root) { variables_.emplace_back("$", root); }

  void run(const std::vector<TemplateNode>& nodes, const Value& dot) {
    const std::size_t outer = variables_.size();
    for (const TemplateNode& node : nodes) run(node, dot);
    variables_.resize(outer);
  }

  std::string output;

 private:
  void run(const TemplateNode& node, const Value& dot) {
    switch (node.kind) {
      case TemplateNode::Kind::kText:
        write(node.text);
        break;
      case TemplateNode::Kind::kPrint:
        print(node.pipeline, dot);
        break;
      case TemplateNode::Kind::kIf:
      case TemplateNode::Kind::kWith: {
        const std::size_t outer = variables_.size();
        const Value value = evaluate(node.pipeline, dot);
        declare(node.pipeline, value);
        const bool with = node.kind == TemplateNode::Kind::kWith;
        run(value.truth() ? node.body : node.otherwise, with && value.truth() ? value : dot);
        variables_.resize(outer);
        break;
      }
      case TemplateNode::Kind::kRange:
        range(node, dot);
    }
  }

  void write(const std::string& text) {
    if (output.size() + text.size() > kOutputLimitBytes) {
      throw Error("template: the output is larger than 64 MiB");
    }
    output += text;
  }

  void print(const Pipeline& pipeline, const Value& dot) {
    const Value value = evaluate(pipeline, dot);
    if (!pipeline.variables.empty()) return declare(pipeline, value);
    write(value.is_nil() ? "<no value>" : value.text());
  }

  void declare(const Pipeline& pipeline, const Value& value) {
    if (pipeline.variables.empty()) return;
    if (!pipeline.assigns) {
      variables_.emplace_back(pipeline.variables.front(), value);
      return;
    }
    variable(pipeline.variables.front()) = value;
  }

  Value& variable(const std::string& name) {
    for (std::size_t i = variables_.size(); i-- > 0;) {
      if (variables_[i].first == name) return variables_[i].second;
    }
    throw Error("template: undefined variable \"{}\"", name);
  }

  void range(const TemplateNode& node, const Value& dot) {
    const Value value = evaluate(node.pipeline, dot);
    std::vector<std::pair<Value, Value>> items;
    if (const auto* list = value.get<Value::List>()) {
      std::int64_t index = 0;
      for (const Value& item : *list) items.emplace_back(Value(index++), item);
    } else if (const auto* map = value.get<Value::Map>()) {
      for (const auto& [key, item] : map->entries) items.emplace_back(Value(key), item);
    } else if (!value.is_nil()) {
      throw Error("template: range can't iterate over {}", value.text());
    }
    if (items.empty()) return run(node.otherwise, dot);
    const auto& names = node.pipeline.variables;
    for (const auto& [key, item] : items) {
      const std::size_t outer = variables_.size();
      if (names.size() == 2) variables_.emplace_back(names[0], key);
      if (!names.empty()) variables_.emplace_back(names.back(), item);
      run(node.body, item);
      variables_.resize(outer);
    }
  }

  Value evaluate(const Pipeline& pipeline, const Value& dot) {
    Value value;
    bool first = true;
    for (const TemplateCommand& command : pipeline.commands) {
      value = evaluate(command, dot, first ? nullptr : &value);
      first = false;
    }
    return value;
  }

  // `last` is what comes through the pipe: the last argument of a function.
  Value evaluate(const TemplateCommand& command, const Value& dot, const Value* last) {
    const Operand& head = command.front();
    if (head.kind != Operand::Kind::kFunction) {
      if (command.size() > 1 || last != nullptr) {
        throw Error("template: can't give argument to non-function {}", head.name);
      }
      return evaluate(head, dot);
    }
    std::vector<Value> arguments;
    for (std::size_t i = 1; i < command.size(); ++i) {
      arguments.push_back(evaluate(command[i], dot));
    }
    if (last != nullptr) arguments.push_back(*last);
    return call_function(head.name, arguments);
  }

  Value evaluate(const Operand& operand, const Value& dot) {
    Value value;
    switch (operand.kind) {
      case Operand::Kind::kDot:
        value = dot;
        break;
      case Operand::Kind::kVariable:
        value = variable(operand.name);
        break;
      case Operand::Kind::kLiteral:
        value = operand.literal;
        break;
      case Operand::Kind::kFunction:
        value = call_function(operand.name, {});
        break;
      case Operand::Kind::kParentheses:
        value = evaluate(operand.inner.front(), dot);
    }
    for (const std::string& field : operand.fields) value = member(value, field);
    return value;
  }

  static Value member(const Value& value, const std::string& field) {
    if (const Value* found = value.find(field)) return *found;
    if (value.get<Value::Map>() != nullptr) return {};
    if (value.is_nil()) throw Error("template: nil has no field {}", field);
    throw Error("template: can't evaluate field {}: there is none", field);
  }

  std::vector<std::pair<std::string, Value>> variables_;
};

}  // namespace

Template::Template(std::vector<TemplateNode> nodes) : nodes_(std::move(nodes)) {}

Template::~Template() = default;
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;

Template Template::parse(std::string_view text) { return Template(parse_template(text)); }

std::string Template::run(const Value& dot) const {
  Execution execution(dot);
  execution.run(nodes_, dot);
  return std::move(execution.output);
}

std::string unescaped(std::string_view format) {
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] == '\\' && i + 1 < format.size() &&
        (format[i + 1] == 't' || format[i + 1] == 'n')) {
      text += format[++i] == 't' ? '\t' : '\n';
    } else {
      text += format[i];
    }
  }
  return text;
}

}  // namespace bld::cmd
