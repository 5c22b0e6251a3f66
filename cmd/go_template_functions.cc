// The functions of templates.
#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"
#include "base/text.h"
#include "cmd/go_format.h"
#include "cmd/go_template_ast.h"

namespace bld::cmd {

using base::Error;

namespace {

using Arguments = std::vector<Value>;

std::int64_t index_number(const Value& value, std::string_view name) {
  const auto* number = value.get<std::int64_t>();
  if (number != nullptr) return *number;
  if (value.is_nil()) throw Error("error calling {}: cannot index slice/array with nil", name);
  throw Error("error calling {}: cannot index slice/array with type {}", name, value.type());
}

Value length(const Value& value) {
  if (const auto* text = value.get<std::string>()) return static_cast<std::int64_t>(text->size());
  if (const auto* list = value.get<Value::List>()) return static_cast<std::int64_t>(list->size());
  if (const auto* map = value.get<Value::Map>()) {
    return static_cast<std::int64_t>(map->entries.size());
  }
  if (value.is_nil()) throw Error("error calling len: len of nil pointer");
  throw Error("error calling len: len of type {}", value.type());
}

Value element(const Value& value, const Value& key) {
  if (const auto* list = value.get<Value::List>()) {
    const std::int64_t index = index_number(key, "index");
    if (index < 0 || index >= static_cast<std::int64_t>(list->size())) {
      throw Error("error calling index: index out of range: {}", index);
    }
    return (*list)[static_cast<std::size_t>(index)];
  }
  if (value.is_nil()) throw Error("error calling index: index of untyped nil");
  if (value.get<Value::Map>() == nullptr) {
    throw Error("error calling index: can't index item of type {}", value.type());
  }
  const auto* name = key.get<std::string>();
  if (name == nullptr) {
    throw Error("error calling index: value has type {}; should be string", key.type());
  }
  // A missing entry of a map of strings is Go's zero value.
  const Value* found = value.find(*name);
  return found != nullptr ? *found : Value("");
}

// What can be compared: numbers, texts, truths. A type whose values are texts is one.
const std::string* comparable_text(const Value& value) {
  if (const auto* printed = value.get<Value::Printed>()) return &printed->text;
  return value.get<std::string>();
}

std::optional<double> comparable_number(const Value& value) {
  if (const auto* whole = value.get<std::int64_t>()) return static_cast<double>(*whole);
  if (const auto* duration = value.get<Value::Duration>()) {
    return static_cast<double>(duration->nanoseconds);
  }
  if (const auto* number = value.get<double>()) return *number;
  return std::nullopt;
}

// Less, equal or greater as -1, 0, 1.
int compare(const Value& a, const Value& b, std::string_view name) {
  if (a.is_nil() && b.is_nil()) return 0;
  const auto x = comparable_number(a), y = comparable_number(b);
  if (x && y) return *x < *y ? -1 : (*x > *y ? 1 : 0);
  const std::string* left = comparable_text(a);
  const std::string* right = comparable_text(b);
  if (left != nullptr && right != nullptr) return left->compare(*right);
  const auto* yes = a.get<bool>();
  const auto* other = b.get<bool>();
  if (yes != nullptr && other != nullptr) return static_cast<int>(*yes) - static_cast<int>(*other);
  if (a.is_nil() || b.is_nil()) return 1;  // nil is nothing else
  throw Error("error calling {}: incompatible types for comparison", name);
}

Value equal_any(const Arguments& arguments) {
  return std::any_of(arguments.begin() + 1, arguments.end(),
                     [&](const Value& other) { return compare(arguments[0], other, "eq") == 0; });
}

// Bounds that make no sense are an Error, as Go has it.
Value slice(const Arguments& arguments) {
  const auto* list = arguments[0].get<Value::List>();
  const auto* text = arguments[0].get<std::string>();
  if (list == nullptr && text == nullptr) {
    throw Error("error calling slice: can't slice item of type {}", arguments[0].type());
  }
  const auto size = static_cast<std::int64_t>(list != nullptr ? list->size() : text->size());
  const std::int64_t from = arguments.size() > 1 ? index_number(arguments[1], "slice") : 0;
  const std::int64_t to = arguments.size() > 2 ? index_number(arguments[2], "slice") : size;
  if (from < 0 || from > size) throw Error("error calling slice: index out of range: {}", from);
  if (to < 0 || to > size) throw Error("error calling slice: index out of range: {}", to);
  if (to < from) throw Error("error calling slice: invalid slice index: {} > {}", from, to);
  if (list != nullptr) return Value::List(list->begin() + from, list->begin() + to);
  return Value(text->substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)));
}

Value join(const Arguments& arguments) {
  std::vector<std::string> parts;
  const auto* list = arguments[0].get<Value::List>();
  if (list == nullptr && !arguments[0].is_nil()) throw Error("error calling join: no list");
  if (list != nullptr) {
    for (const Value& item : *list) parts.push_back(go_text(item));
  }
  return base::join(parts, go_text(arguments[1]));
}

Value split(const Arguments& arguments) {
  const std::string separator = go_text(arguments[1]);
  if (separator.size() != 1) {
    throw Error("error calling split: the separator is more than one character");
  }
  return Value::list(base::split(go_text(arguments[0]), separator[0]));
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

template <typename Escape>
std::string escaped(const std::string& text, Escape escape) {
  std::string result;
  for (const char c : text) {
    const std::string other = escape(c);
    result += other.empty() ? std::string(1, c) : other;
  }
  return result;
}

std::string html(const std::string& text) {
  return escaped(text, [](char c) -> std::string {
    switch (c) {
      case '&':
        return "&amp;";
      case '<':
        return "&lt;";
      case '>':
        return "&gt;";
      case '"':
        return "&#34;";
      case '\'':
        return "&#39;";
      default:
        return "";
    }
  });
}

std::string javascript(const std::string& text) {
  return escaped(text, [](char c) -> std::string {
    if (c == '\\' || c == '\'' || c == '"') return std::string("\\") + c;
    const bool is_special = c == '<' || c == '>' || c == '&' || c == '=' || (c >= 0 && c < ' ');
    return is_special ? fmt::format("\\u{:04X}", static_cast<unsigned>(c)) : "";
  });
}

std::string url_query(const std::string& text) {
  return escaped(text, [](char c) -> std::string {
    if (c == ' ') return "+";
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' ||
                          c == '_' || c == '.' || c == '~';
    return is_plain ? "" : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  });
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
    Function{"eq", 2, kAny, [](const Arguments& a) { return equal_any(a); }},
    Function{"ne", 2, 2, [](const Arguments& a) { return Value(compare(a[0], a[1], "ne") != 0); }},
    Function{"lt", 2, 2, [](const Arguments& a) { return Value(compare(a[0], a[1], "lt") < 0); }},
    Function{"le", 2, 2, [](const Arguments& a) { return Value(compare(a[0], a[1], "le") <= 0); }},
    Function{"gt", 2, 2, [](const Arguments& a) { return Value(compare(a[0], a[1], "gt") > 0); }},
    Function{"ge", 2, 2, [](const Arguments& a) { return Value(compare(a[0], a[1], "ge") >= 0); }},
    Function{"len", 1, 1, [](const Arguments& a) { return length(a[0]); }},
    Function{"index", 1, kAny,
             [](const Arguments& a) {
               Value value = a[0];
               for (std::size_t i = 1; i < a.size(); ++i) value = element(value, a[i]);
               return value;
             }},
    Function{"slice", 1, 3, [](const Arguments& a) { return slice(a); }},
    Function{"print", 0, kAny, [](const Arguments& a) { return Value(go_print(a)); }},
    Function{"println", 0, kAny, [](const Arguments& a) { return Value(go_println(a)); }},
    Function{"printf", 1, kAny,
             [](const Arguments& a) {
               return Value(go_printf(go_text(a[0]), std::span(a).subspan(1)));
             }},
    Function{"html", 0, kAny, [](const Arguments& a) { return Value(html(go_print(a))); }},
    Function{"js", 0, kAny, [](const Arguments& a) { return Value(javascript(go_print(a))); }},
    Function{"urlquery", 0, kAny, [](const Arguments& a) { return Value(url_query(go_print(a))); }},
    Function{"json", 1, 1, [](const Arguments& a) { return Value(a[0].json().str()); }},
    Function{"join", 2, 2, [](const Arguments& a) { return join(a); }},
    Function{"split", 2, 2, [](const Arguments& a) { return split(a); }},
    Function{"upper", 1, 1,
             [](const Arguments& a) { return Value(base::to_upper(go_text(a[0]))); }},
    Function{"lower", 1, 1,
             [](const Arguments& a) { return Value(base::to_lower(go_text(a[0]))); }},
    Function{"title", 1, 1, [](const Arguments& a) { return Value(title(go_text(a[0]))); }},
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
  if (function == nullptr) throw Error("function {} not defined", go_quoted(name));
  if (arguments.size() < function->least || arguments.size() > function->most) {
    const bool is_fixed = function->least == function->most;
    throw Error("wrong number of args for {}: want {}{} got {}", name, is_fixed ? "" : "at least ",
                function->least, arguments.size());
  }
  return function->call(arguments);
}

}  // namespace bld::cmd
