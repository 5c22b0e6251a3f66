// JSON as values: strict reading of documents from outside, byte-stable writing of our own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace bld::base {

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;  // in the document's order

  static constexpr std::size_t kMaximumBytes = 4U << 20;
  static constexpr int kMaximumDepth = 100;

  Json() = default;  // null

  Json(bool value) : value_(value) {}  // NOLINT(google-explicit-constructor)

  Json(std::int64_t value) : value_(value) {}  // NOLINT(google-explicit-constructor)

  Json(int value) : value_(std::int64_t{value}) {}  // NOLINT(google-explicit-constructor)

  Json(std::string value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)

  Json(const char* value) : value_(std::string(value)) {}  // NOLINT(google-explicit-constructor)

  Json(std::string_view value)
      : value_(std::string(value)) {}  // NOLINT(google-explicit-constructor)

  Json(Array value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)

  Json(Object value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)

  static Json object() { return Json(Object{}); }

  static Json array() { return Json(Array{}); }

  static Json number(double value);
  static Json from(const std::vector<std::string>& values);
  static Json from(const std::map<std::string, std::string>& values);

  // One whole document. Throws on anything else: doubled keys, trailing bytes, depth beyond 100,
  // more than `limit_bytes`, text that is not UTF-8.
  static Json parse(std::string_view text, std::size_t limit_bytes = kMaximumBytes);

  // Without blanks, keys in the order they were added, `<`, `>`, `&` escaped as Go's encoder does.
  // `indent` > 0: on lines, indented by that many blanks a level.
  std::string str(int indent = 0) const;

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }

  bool is_string() const { return std::holds_alternative<std::string>(value_); }

  bool is_array() const { return std::holds_alternative<Array>(value_); }

  bool is_object() const { return std::holds_alternative<Object>(value_); }

  bool is_bool() const { return std::holds_alternative<bool>(value_); }

  bool is_number() const {
    return std::holds_alternative<std::int64_t>(value_) || std::holds_alternative<double>(value_);
  }

  // Throw an Error that names what was expected when the value is of another type.
  bool as_bool() const;
  std::int64_t as_integer() const;
  double as_number() const;
  std::string number_text() const;
  const std::string& as_string() const;
  const Array& as_array() const;
  const Object& as_object() const;

  // A member of an object; null if it is missing or null. Throws if this is no object.
  const Json* find(std::string_view key) const;

  // Of objects: the member, or what an absent or null one means; a wrong type is an Error that
  // names the key.
  std::string string(std::string_view key) const;
  std::int64_t integer(std::string_view key) const;
  bool boolean(std::string_view key) const;
  std::vector<std::string> strings(std::string_view key) const;
  std::map<std::string, std::string> string_map(std::string_view key) const;

  // For building.
  Json& add(std::string key, Json value);  // to an object
  Json& push(Json value);                  // to an array

  bool operator==(const Json&) const = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

}  // namespace bld::base
