// The functions of templates.
#include <algorithm>
#include <array>
#include <cctype>
#include <functional>

#include "base/error.h"
#include "base/text.h"
#include "cmd/go_template_ast.h"

namespace bld::cmd {

using base::Error;

namespace {

using Arguments = std::vector<Value>;

void expect(const Arguments& arguments, std::string_view name, std::size_t least,
            std::size_t most) {
  if (arguments.size() < least || arguments.size() > most) {
    throw Error("template: wrong number of arguments for {}: {}", name, arguments.size());
  }
}

std::string text_of(const Value& value) { return value.is_nil() ? "<nil>" : value.text(); }

std::int64_t integer_of(const Value& value, std::string_view name) {
  const auto* number = value.get<std::int64_t>();
  if (number == nullptr) throw Error("template: {} needs a number, not {}", name, text_of(value));
  return *number;
}

Value length(const Value& value) {
  if (const auto* text = value.get<std::string>()) return static_cast<std::int64_t>(text->size());
  if (const auto* list = value.get<Value::List>()) return static_cast<std::int64_t>(list->size());
  if (const auto* map = value.get<Value::Map>()) {
    return static_cast<std::int64_t>(map->entries.size());
  }
  if (value.is_nil()) return 0;
  throw Error("template: len of {}", value.text());
}

Value element(const Value& value, const Value& key) {
  if (const auto* list = value.get<Value::List>()) {
    const std::int64_t index = integer_of(key, "index");
    if (index < 0 || index >= static_cast<std::int64_t>(list->size())) {
      throw Error("template: error calling index: index out of range: {}", index);
    }
    return (*list)[static_cast<std::size_t>(index)];
  }
  if (value.get<Value::Map>() != nullptr || value.is_nil()) {
    const auto* name = key.get<std::string>();
    if (name == nullptr) throw Error("template: index of a map needs a string");
    // A missing entry of a map of strings is Go's zero value.
    const Value* found = value.find(*name);
    return found != nullptr ? *found : Value("");
  }
  throw Error("template: error calling index: can't index {}", text_of(value));
}

// Less, equal or greater as -1, 0, 1.
int compare(const Value& a, const Value& b) {
  const auto* x = a.get<std::int64_t>();
  const auto* y = b.get<std::int64_t>();
  if (x != nullptr && y != nullptr) return *x < *y ? -1 : (*x > *y ? 1 : 0);
  if ((x == nullptr) != (y == nullptr)) {
    throw Error("template: incompatible types for comparison");
  }
  return text_of(a).compare(text_of(b));
}

bool equal_any(const Arguments& arguments) {
  return std::any_of(arguments.begin() + 1, arguments.end(),
                     [&](const Value& other) { return compare(arguments[0], other) == 0; });
}

std::string print_all(const Arguments& arguments, bool line) {
  std::string text;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    // print puts blanks between operands when neither is a string; println always.
    const bool strings = i > 0 && (arguments[i].get<std::string>() != nullptr ||
                                   arguments[i - 1].get<std::string>() != nullptr);
    if (i > 0 && (line || !strings)) text += ' ';
    text += text_of(arguments[i]);
  }
  return line ? text + "\n" : text;
}

std::string formatted(const Value& value, char verb) {
  switch (verb) {
    case 's':
    case 'v':
      return text_of(value);
    case 'q':
      return value.quoted();
    case 'd':
      if (const auto* number = value.get<std::int64_t>()) return fmt::format("{}", *number);
      return fmt::format("%!d(string={})", text_of(value));
    case 't':
      return text_of(value);
    case 'c':
      if (const auto* number = value.get<std::int64_t>(); number != nullptr && *number < 128) {
        return std::string(1, static_cast<char>(*number));
      }
      return fmt::format("%!c(string={})", text_of(value));
    case 'x':
      if (const auto* number = value.get<std::int64_t>()) return fmt::format("{:x}", *number);
      return base::to_lower(text_of(value));
    default:
      return fmt::format("%!{}({})", verb, text_of(value));
  }
}

std::string padded(std::string text, std::string_view flags) {
  const bool left = !flags.empty() && flags[0] == '-';
  while (!flags.empty() && (flags[0] == '-' || flags[0] == '+' || flags[0] == '#')) {
    flags.remove_prefix(1);
  }
  const bool zero = !flags.empty() && flags[0] == '0';
  // A precision cuts texts; digits of numbers nobody asks for here.
  const std::size_t point = std::min(flags.find('.'), flags.size());
  if (point < flags.size()) {
    text = text.substr(0, base::parse_unsigned(flags.substr(point + 1)).value_or(0));
  }
  flags = flags.substr(0, point);
  const std::size_t width = std::min<std::size_t>(base::parse_unsigned(flags).value_or(0), 1000);
  if (text.size() >= width) return text;
  const std::string fill(width - text.size(), zero && !left ? '0' : ' ');
  return left ? text + fill : fill + text;
}

std::string print_formatted(const Arguments& arguments) {
  expect(arguments, "printf", 1, arguments.size());
  const std::string format = text_of(arguments[0]);
  std::string text;
  std::size_t next = 1;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text += format[i];
      continue;
    }
    const std::size_t begin = ++i;
    while (i < format.size() &&
           std::string_view("-+# 0123456789.").find(format[i]) != std::string_view::npos) {
      ++i;
    }
    if (i >= format.size()) return text + "%!(NOVERB)";
    if (format[i] == '%') {
      text += '%';
    } else if (next >= arguments.size()) {
      text += fmt::format("%!{}(MISSING)", format[i]);
    } else {
      const std::string flags = format.substr(begin, i - begin);
      text += padded(formatted(arguments[next++], format[i]), flags);
    }
  }
  return text;
}

// Bounds that make no sense are an Error, as Go has it.
Value slice(const Arguments& arguments) {
  const auto* list = arguments[0].get<Value::List>();
  const std::string text = list != nullptr ? "" : text_of(arguments[0]);
  const auto size = static_cast<std::int64_t>(list != nullptr ? list->size() : text.size());
  const std::int64_t from = arguments.size() > 1 ? integer_of(arguments[1], "slice") : 0;
  const std::int64_t to = arguments.size() > 2 ? integer_of(arguments[2], "slice") : size;
  if (from < 0 || to < from || to > size) {
    throw Error("template: error calling slice: index out of range: {}", to > size ? to : from);
  }
  if (list != nullptr) return Value::List(list->begin() + from, list->begin() + to);
  return Value(text.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)));
}

Value join(const Arguments& arguments) {
  expect(arguments, "join", 2, 2);
  std::vector<std::string> parts;
  const auto* list = arguments[0].get<Value::List>();
  if (list == nullptr && !arguments[0].is_nil()) throw Error("template: join needs a list");
  if (list != nullptr) {
    for (const Value& item : *list) parts.push_back(text_of(item));
  }
  return base::join(parts, text_of(arguments[1]));
}

Value split(const Arguments& arguments) {
  expect(arguments, "split", 2, 2);
  const std::string separator = text_of(arguments[1]);
  if (separator.size() != 1) throw Error("template: split needs a separator of one character");
  return Value::list(base::split(text_of(arguments[0]), separator[0]));
}

std::string title(std::string text) {
  bool begins = true;
  for (char& c : text) {
    if (begins) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    begins = c == ' ';
  }
  return text;
}

Value any_or_all(const Arguments& arguments, bool wanted) {
  for (const Value& value : arguments) {
    if (value.truth() == wanted) return value;
  }
  return arguments.back();
}

struct Function {
  std::string_view name;
  std::size_t least, most;
  Value (*call)(const Arguments&);
};

constexpr std::size_t kAny = 1000;

constexpr std::array kFunctions{
    Function{"and", 1, kAny, [](const Arguments& a) { return any_or_all(a, false); }},
    Function{"or", 1, kAny, [](const Arguments& a) { return any_or_all(a, true); }},
    Function{"not", 1, 1, [](const Arguments& a) { return Value(!a[0].truth()); }},
    Function{"eq", 2, kAny, [](const Arguments& a) { return Value(equal_any(a)); }},
    Function{"ne", 2, 2, [](const Arguments& a) { return Value(compare(a[0], a[1]) != 0); }},
    Function{"lt", 2, 2, [](const Arguments& a) { return Value(compare(a[0], a[1]) < 0); }},
    Function{"le", 2, 2, [](const Arguments& a) { return Value(compare(a[0], a[1]) <= 0); }},
    Function{"gt", 2, 2, [](const Arguments& a) { return Value(compare(a[0], a[1]) > 0); }},
    Function{"ge", 2, 2, [](const Arguments& a) { return Value(compare(a[0], a[1]) >= 0); }},
    Function{"len", 1, 1, [](const Arguments& a) { return length(a[0]); }},
    Function{"index", 1, kAny,
             [](const Arguments& a) {
               Value value = a[0];
               for (std::size_t i = 1; i < a.size(); ++i) value = element(value, a[i]);
               return value;
             }},
    Function{"slice", 1, 3, [](const Arguments& a) { return slice(a); }},
    Function{"print", 0, kAny, [](const Arguments& a) { return Value(print_all(a, false)); }},
    Function{"println", 0, kAny, [](const Arguments& a) { return Value(print_all(a, true)); }},
    Function{"printf", 1, kAny, [](const Arguments& a) { return Value(print_formatted(a)); }},
    Function{"json", 1, 1, [](const Arguments& a) { return Value(a[0].json().str()); }},
    Function{"join", 2, 2, [](const Arguments& a) { return join(a); }},
    Function{"split", 2, 2, [](const Arguments& a) { return split(a); }},
    Function{"upper", 1, 1,
             [](const Arguments& a) { return Value(base::to_upper(text_of(a[0]))); }},
    Function{"lower", 1, 1,
             [](const Arguments& a) { return Value(base::to_lower(text_of(a[0]))); }},
    Function{"title", 1, 1, [](const Arguments& a) { return Value(title(text_of(a[0]))); }},
};

const Function* find(std::string_view name) {
  for (const Function& function : kFunctions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

}  // namespace

bool is_function(std::string_view name) { return find(name) != nullptr; }

Value call_function(std::string_view name, const Arguments& arguments) {
  const Function* function = find(name);
  if (function == nullptr) throw Error("template: function \"{}\" not defined", name);
  expect(arguments, name, function->least, function->most);
  return function->call(arguments);
}

}  // namespace bld::cmd
