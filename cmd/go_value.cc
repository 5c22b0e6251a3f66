#include "cmd/go_value.h"

#include <algorithm>

namespace bld::cmd {

using base::Json;

namespace {

// `members` of what is embedded come first, as encoding/json orders them.
void add_members(const Value::Record& record, Json& object) {
  for (const Value::Field& field : record.fields) {
    if (field.is_embedded) {
      if (const auto* embedded = field.value.get<Value::Record>()) add_members(*embedded, object);
      continue;
    }
    if (field.omit == Value::Omit::kAlways) continue;
    if (field.omit == Value::Omit::kIfEmpty && field.value.empty()) continue;
    const bool is_nil = field.omit == Value::Omit::kNullIfEmpty && field.value.empty();
    object.add(field.json_name.empty() ? field.name : field.json_name,
               is_nil ? Json() : field.value.json());
  }
}

}  // namespace

Value::Value() = default;

Value::Value(bool value) : value_(value) {}

Value::Value(std::int64_t value) : value_(value) {}

Value::Value(int value) : value_(std::int64_t{value}) {}

Value::Value(double value) : value_(value) {}

Value::Value(std::string value) : value_(std::move(value)) {}

Value::Value(std::string_view value) : value_(std::string(value)) {}

Value::Value(const char* value) : value_(std::string(value)) {}

Value::Value(List value) : value_(std::move(value)) {}

Value::Value(Record value) : value_(std::move(value)) {}

Value::Value(Printed value) : value_(std::move(value)) {}

Value::Value(NilPointer value) : value_(std::move(value)) {}

Value::Value(Duration value) : value_(value) {}

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
  if (!json.is_number()) return {};
  const double number = json.as_number();
  const auto whole = static_cast<std::int64_t>(number);
  if (static_cast<double>(whole) == number) return whole;
  return number;
}

bool Value::is_nil() const {
  return get<std::monostate>() != nullptr || get<NilPointer>() != nullptr;
}

const Value* Value::find(std::string_view key) const {
  if (const auto* map = get<Map>()) {
    for (const auto& [name, value] : map->entries) {
      if (name == key) return &value;
    }
  }
  const auto* record = get<Record>();
  if (record == nullptr) return nullptr;
  for (const Field& field : record->fields) {
    if (field.name == key) return &field.value;
  }
  for (const Field& field : record->fields) {
    const Value* found = field.is_embedded ? field.value.find(key) : nullptr;
    if (found != nullptr) return found;
  }
  return nullptr;
}

bool Value::empty() const {
  return visit(Overloaded{
      [](std::monostate) { return true; }, [](bool b) { return !b; },
      [](std::int64_t n) { return n == 0; }, [](double n) { return n == 0; },
      [](const std::string& s) { return s.empty(); }, [](const List& list) { return list.empty(); },
      [](const Map& map) { return map.entries.empty(); }, [](const Record&) { return false; },
      [](const Printed&) { return false; }, [](const NilPointer&) { return true; },
      [](const Duration& duration) { return duration.nanoseconds == 0; }});
}

bool Value::truth() const { return !empty(); }

std::string Value::type() const {
  return visit(Overloaded{
      [](std::monostate) { return std::string("<nil>"); }, [](bool) { return std::string("bool"); },
      [](std::int64_t) { return std::string("int"); },
      [](double) { return std::string("float64"); },
      [](const std::string&) { return std::string("string"); },
      [](const List& list) { return "[]" + (list.empty() ? "string" : list.front().type()); },
      [](const Map& map) {
        return "map[string]" + (map.entries.empty() ? "string" : map.entries.front().second.type());
      },
      [](const Record& record) {
        const std::string name = record.type.empty() ? "struct {}" : record.type;
        return record.is_pointer ? "*" + name : name;
      },
      [](const Printed& printed) { return printed.type; },
      [](const NilPointer& pointer) { return pointer.type; },
      [](const Duration&) { return std::string("time.Duration"); }});
}

Json Value::json() const {
  return visit(Overloaded{[](std::monostate) { return Json(); }, [](bool b) { return Json(b); },
                          [](std::int64_t n) { return Json(n); },
                          [](double n) { return Json::number(n); },
                          [](const std::string& s) { return Json(s); },
                          [](const List& list) {
                            Json array = Json::array();
                            for (const Value& item : list) array.push(item.json());
                            return array;
                          },
                          [](const Map& map) {
                            Json object = Json::object();
                            for (const auto& [key, value] : map.entries)
                              object.add(key, value.json());
                            return object;
                          },
                          [](const Record& record) {
                            Json object = Json::object();
                            add_members(record, object);
                            return object;
                          },
                          [](const Printed& printed) { return Json(printed.json); },
                          [](const NilPointer&) { return Json(); },
                          [](const Duration& duration) { return Json(duration.nanoseconds); }});
}

}  // namespace bld::cmd
