#include "cmd/go_value.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace bld::cmd {

using base::Json;

namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

// The elements of a list, map or record, written one after the other.
template <typename Write>
std::string listed(std::string_view open, std::size_t count, std::string_view close, Write write) {
  std::string text(open);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += ' ';
    text += write(i);
  }
  return text += close;
}

}  // namespace

Value::Value() = default;

Value::Value(bool value) : value_(value) {}

Value::Value(std::int64_t value) : value_(value) {}

Value::Value(int value) : value_(std::int64_t{value}) {}

Value::Value(std::string value) : value_(std::move(value)) {}

Value::Value(std::string_view value) : value_(std::string(value)) {}

Value::Value(const char* value) : value_(std::string(value)) {}

Value::Value(List value) : value_(std::move(value)) {}

Value::Value(Record value) : value_(std::move(value)) {}

Value::Value(Printed value) : value_(std::move(value)) {}

Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;

Value Value::list(const std::vector<std::string>& texts) {
  return List(texts.begin(), texts.end());
}

Value Value::map(const std::map<std::string, std::string>& texts) {
  return map(std::vector<std::pair<std::string, Value>>(texts.begin(), texts.end()));
}

Value Value::map(std::vector<std::pair<std::string, Value>> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  Value value;
  value.value_ = Map{std::move(entries)};
  return value;
}

Value Value::from_json(const Json& json) {
  if (json.is_bool()) return json.as_bool();
  if (json.is_string()) return json.as_string();
  if (json.is_array()) {
    List list;
    for (const Json& item : json.as_array()) list.push_back(from_json(item));
    return list;
  }
  if (json.is_object()) {
    std::vector<std::pair<std::string, Value>> entries;
    for (const auto& [key, value] : json.as_object()) entries.emplace_back(key, from_json(value));
    return map(std::move(entries));
  }
  Value value;
  if (json.is_number()) {
    const double number = json.as_number();
    const auto whole = static_cast<std::int64_t>(number);
    if (static_cast<double>(whole) == number) return whole;
    value.value_ = number;
  }
  return value;
}

const Value* Value::find(std::string_view key) const {
  if (const auto* map = get<Map>()) {
    for (const auto& [name, value] : map->entries) {
      if (name == key) return &value;
    }
  }
  if (const auto* record = get<Record>()) {
    for (const Field& field : record->fields) {
      if (field.name == key) return &field.value;
    }
  }
  return nullptr;
}

bool Value::empty() const {
  return std::visit(
      Overloaded{[](std::monostate) { return true; }, [](bool b) { return !b; },
                 [](std::int64_t n) { return n == 0; }, [](double n) { return n == 0; },
                 [](const std::string& s) { return s.empty(); },
                 [](const List& list) { return list.empty(); },
                 [](const Map& map) { return map.entries.empty(); },
                 [](const Record&) { return false; },
                 [](const Printed& p) { return p.json.empty(); }},
      value_);
}

bool Value::truth() const { return !empty(); }

std::string Value::text() const {
  return std::visit(
      Overloaded{[](std::monostate) { return std::string("<nil>"); },
                 [](bool b) { return std::string(b ? "true" : "false"); },
                 [](std::int64_t n) { return fmt::format("{}", n); },
                 [](double n) { return fmt::format("{}", n); },
                 [](const std::string& s) { return s; },
                 [](const List& list) {
                   return listed("[", list.size(), "]", [&](auto i) { return list[i].text(); });
                 },
                 [](const Map& map) {
                   return listed("map[", map.entries.size(), "]", [&](auto i) {
                     return map.entries[i].first + ":" + map.entries[i].second.text();
                   });
                 },
                 [](const Record& record) {
                   return listed("{", record.fields.size(), "}",
                                 [&](auto i) { return record.fields[i].value.text(); });
                 },
                 [](const Printed& p) { return p.text; }},
      value_);
}

std::string Value::quoted() const {
  return std::visit(
      Overloaded{[this](const auto&) { return text(); },
                 [](const std::string& s) { return go_quoted(s); },
                 [](const List& list) {
                   return listed("[", list.size(), "]", [&](auto i) { return list[i].quoted(); });
                 },
                 [](const Map& map) {
                   return listed("map[", map.entries.size(), "]", [&](auto i) {
                     return go_quoted(map.entries[i].first) + ":" + map.entries[i].second.quoted();
                   });
                 },
                 [](const Record& record) {
                   return listed("{", record.fields.size(), "}",
                                 [&](auto i) { return record.fields[i].value.quoted(); });
                 },
                 [](const Printed& p) { return go_quoted(p.text); }},
      value_);
}

Json Value::json() const {
  return std::visit(
      Overloaded{[](std::monostate) { return Json(); }, [](bool b) { return Json(b); },
                 [](std::int64_t n) { return Json(n); }, [](double n) { return Json::number(n); },
                 [](const std::string& s) { return Json(s); },
                 [](const List& list) {
                   Json array = Json::array();
                   for (const Value& item : list) array.push(item.json());
                   return array;
                 },
                 [](const Map& map) {
                   Json object = Json::object();
                   for (const auto& [key, value] : map.entries) object.add(key, value.json());
                   return object;
                 },
                 [](const Record& record) {
                   Json object = Json::object();
                   for (const Field& field : record.fields) {
                     if (field.omit == Omit::kAlways) continue;
                     if (field.omit == Omit::kIfEmpty && field.value.empty()) continue;
                     const bool is_nil = field.omit == Omit::kNullIfEmpty && field.value.empty();
                     object.add(field.json_name.empty() ? field.name : field.json_name,
                                is_nil ? Json() : field.value.json());
                   }
                   return object;
                 },
                 [](const Printed& p) { return Json(p.json); }},
      value_);
}

std::string go_quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        result += "\\\"";
        break;
      case '\\':
        result += "\\\\";
        break;
      case '\n':
        result += "\\n";
        break;
      case '\t':
        result += "\\t";
        break;
      case '\r':
        result += "\\r";
        break;
      default:
        result += c;
    }
  }
  // What is still not printable becomes \xNN, as Go writes it.
  return base::printable(result) + "\"";
}

}  // namespace bld::cmd
