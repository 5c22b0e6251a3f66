// Carries a template out.
#include "cmd/go_template.h"

#include <optional>
#include <utility>

#include "base/error.h"
#include "cmd/go_format.h"
#include "cmd/go_template_ast.h"

namespace bld::cmd {

using base::Error;

namespace {

constexpr std::size_t kOutputLimitBytes = 64 << 20;
constexpr int kMaximumCalls = 200;  // of templates by templates

enum class Flow { kNext, kBreak, kContinue };

class Execution {
 public:
  explicit Execution(const TemplateTree& tree) : tree_(tree), running_(tree.name) {}

  std::string run(const Value& dot) && {
    variables_.emplace_back("$", dot);
    run(tree_.nodes, dot);
    return std::move(output_);
  }

 private:
  using Variables = std::vector<std::pair<std::string, Value>>;

  Flow run(const std::vector<TemplateNode>& nodes, const Value& dot) {
    const std::size_t outer = variables_.size();
    Flow flow = Flow::kNext;
    for (const TemplateNode& node : nodes) {
      flow = run(node, dot);
      if (flow != Flow::kNext) break;
    }
    variables_.resize(outer);
    return flow;
  }

  Flow run(const TemplateNode& node, const Value& dot) {
    switch (node.kind) {
      case TemplateNode::Kind::kText:
        write(node.text);
        return Flow::kNext;
      case TemplateNode::Kind::kPrint:
        print(node.pipeline, dot);
        return Flow::kNext;
      case TemplateNode::Kind::kIf:
      case TemplateNode::Kind::kWith:
        return choose(node, dot);
      case TemplateNode::Kind::kRange:
        return range(node, dot);
      case TemplateNode::Kind::kBreak:
        return Flow::kBreak;
      case TemplateNode::Kind::kContinue:
        return Flow::kContinue;
      case TemplateNode::Kind::kTemplate:
        call(node, dot);
        return Flow::kNext;
    }
    return Flow::kNext;
  }

  void write(std::string_view text) {
    if (output_.size() + text.size() > kOutputLimitBytes) {
      throw Error("template: the output is larger than 64 MiB");
    }
    output_ += text;
  }

  void print(const Pipeline& pipeline, const Value& dot) {
    const Value value = evaluate(pipeline, dot);
    if (!pipeline.variables.empty()) return declare(pipeline, value);
    const bool is_nothing = value.get<std::monostate>() != nullptr;
    write(is_nothing ? "<no value>" : go_text(value));
  }

  Flow choose(const TemplateNode& node, const Value& dot) {
    const std::size_t outer = variables_.size();
    const Value value = evaluate(node.pipeline, dot);
    declare(node.pipeline, value);
    const bool is_with = node.kind == TemplateNode::Kind::kWith;
    const Flow flow =
        value.truth() ? run(node.body, is_with ? value : dot) : run(node.otherwise, dot);
    variables_.resize(outer);
    return flow;
  }

  Flow range(const TemplateNode& node, const Value& dot) {
    const auto items = items_of(evaluate(node.pipeline, dot), node.pipeline);
    if (items.empty()) return run(node.otherwise, dot);
    const auto& names = node.pipeline.variables;
    for (const auto& [key, item] : items) {
      const std::size_t outer = variables_.size();
      if (names.size() == 2) variables_.emplace_back(names[0], key);
      if (!names.empty()) variables_.emplace_back(names.back(), item);
      const Flow flow = run(node.body, item);
      variables_.resize(outer);
      if (flow == Flow::kBreak) break;
    }
    return Flow::kNext;
  }

  std::vector<std::pair<Value, Value>> items_of(const Value& value, const Pipeline& pipeline) {
    std::vector<std::pair<Value, Value>> items;
    if (const auto* list = value.get<Value::List>()) {
      std::int64_t index = 0;
      for (const Value& item : *list) items.emplace_back(Value(index++), item);
    } else if (const auto* map = value.get<Value::Map>()) {
      for (const auto& [key, item] : map->entries) items.emplace_back(Value(key), item);
    } else if (!value.is_nil()) {
      fail(pipeline.place, fmt::format("range can't iterate over {}", go_text(value)));
    }
    return items;
  }

  void call(const TemplateNode& node, const Value& dot) {
    const auto called = tree_.defined.find(node.text);
    if (called == tree_.defined.end()) {
      fail(node.pipeline.place, fmt::format("template {} not defined", go_quoted(node.text)));
    }
    if (++calls_ > kMaximumCalls) fail(node.pipeline.place, "exceeded maximum template depth");
    const Value argument = node.pipeline.commands.empty() ? Value() : evaluate(node.pipeline, dot);
    Variables ours = std::exchange(variables_, {{"$", argument}});
    std::string caller = std::exchange(running_, node.text);
    run(called->second, argument);
    running_ = std::move(caller);
    variables_ = std::move(ours);
    --calls_;
  }

  void declare(const Pipeline& pipeline, const Value& value) {
    if (pipeline.variables.empty()) return;
    if (!pipeline.assigns) {
      variables_.emplace_back(pipeline.variables.front(), value);
      return;
    }
    variable(pipeline.variables.front()) = value;
  }

  // The parser saw to it that there is one.
  Value& variable(const std::string& name) {
    for (std::size_t i = variables_.size(); i-- > 0;) {
      if (variables_[i].first == name) return variables_[i].second;
    }
    throw Error("template: undefined variable {}", go_quoted(name));
  }

  Value evaluate(const Pipeline& pipeline, const Value& dot) {
    std::optional<Value> value;
    for (const TemplateCommand& command : pipeline.commands) {
      value = evaluate(command, dot, value ? &*value : nullptr);
    }
    return value.value_or(Value());
  }

  // `last` is what comes through the pipe: the last argument of a function.
  Value evaluate(const TemplateCommand& command, const Value& dot, const Value* last) {
    const Operand& head = command.words.front();
    if (head.kind != Operand::Kind::kFunction) {
      if (command.words.size() > 1 || last != nullptr) {
        fail(head.place, "can't give argument to non-function " + head.place.text);
      }
      return evaluate(head, dot);
    }
    // `and` and `or` look no further than they need.
    const bool is_and = head.name == "and";
    std::vector<Value> arguments;
    for (std::size_t i = 1; i < command.words.size(); ++i) {
      arguments.push_back(evaluate(command.words[i], dot));
      const bool decides = is_and || head.name == "or";
      if (decides && arguments.back().truth() != is_and) return arguments.back();
    }
    if (last != nullptr) arguments.push_back(*last);
    return call_at(command.place, head, arguments);
  }

  Value call_at(const TemplatePlace& place, const Operand& function,
                const std::vector<Value>& arguments) {
    try {
      return call_function(function.name, arguments);
    } catch (const Error& error) {
      fail(place, error.message());
    }
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
        value = call_at(operand.place, operand, {});
        break;
      case Operand::Kind::kParentheses:
        value = evaluate(operand.inner.front(), dot);
    }
    for (const std::string& field : operand.fields) value = member(value, field, operand.place);
    return value;
  }

  Value member(const Value& value, const std::string& field, const TemplatePlace& place) {
    if (const Value* found = value.find(field)) return *found;
    if (value.get<Value::Map>() != nullptr) return {};
    if (const auto* pointer = value.get<Value::NilPointer>()) {
      fail(place, fmt::format("nil pointer evaluating {}.{}", pointer->type, field));
    }
    if (value.is_nil()) return {};
    std::string type = value.type();
    if (type.starts_with('*')) type.erase(0, 1);
    fail(place, fmt::format("can't evaluate field {} in type {}", field, type));
  }

  [[noreturn]] void fail(const TemplatePlace& place, const std::string& message) const {
    throw Error("template: {}:{}:{}: executing {} at <{}>: {}", tree_.name, place.line,
                place.column, go_quoted(running_), place.text, message);
  }

  const TemplateTree& tree_;
  std::string running_;  // the name of the template that is being carried out
  Variables variables_;
  int calls_ = 0;
  std::string output_;
};

}  // namespace

Template::Template(TemplateTree tree)
    : tree_(std::make_unique<const TemplateTree>(std::move(tree))) {}

Template::~Template() = default;
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;

Template Template::parse(std::string_view text, std::string_view name) {
  return Template(parse_template(text, name));
}

std::string Template::run(const Value& dot) const { return Execution(*tree_).run(dot); }

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
