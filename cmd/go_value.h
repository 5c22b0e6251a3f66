// Values as Go's templates see them: what `--format` walks over and `--json` writes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"

namespace bld::cmd {

class Value {
 public:
  using List = std::vector<Value>;

  // Keys sorted, as Go prints and walks maps.
  struct Map {
    std::vector<std::pair<std::string, Value>> entries;
  };

  // kNullIfEmpty: a nil slice or map, which templates see as empty.
  enum class Omit { kNever, kIfEmpty, kAlways, kNullIfEmpty };

  struct Field;

  // A Go struct.
  struct Record {
    std::vector<Field> fields;
  };

  // A text that Go holds as another type: a time, a digest's type…
  struct Printed {
    std::string json, text;
  };

  Value();                        // nil
  Value(bool value);              // NOLINT(google-explicit-constructor)
  Value(std::int64_t value);      // NOLINT(google-explicit-constructor)
  Value(int value);               // NOLINT(google-explicit-constructor)
  Value(std::string value);       // NOLINT(google-explicit-constructor)
  Value(std::string_view value);  // NOLINT(google-explicit-constructor)
  Value(const char* value);       // NOLINT(google-explicit-constructor)
  Value(List value);              // NOLINT(google-explicit-constructor)
  Value(Record value);            // NOLINT(google-explicit-constructor)
  Value(Printed value);           // NOLINT(google-explicit-constructor)
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();

  static Value list(const std::vector<std::string>& texts);
  static Value map(const std::map<std::string, std::string>& texts);
  static Value map(std::vector<std::pair<std::string, Value>> entries);
  static Value from_json(const base::Json& json);

  template <typename T>
  const T* get() const {
    return std::get_if<T>(&value_);
  }

  bool is_nil() const { return std::holds_alternative<std::monostate>(value_); }

  // Of a map or a record; null if there is none.
  const Value* find(std::string_view key) const;

  bool truth() const;  // as `if` sees it: neither nil, false, 0 nor empty
  bool empty() const;  // as `omitempty` sees it

  std::string text() const;    // %v
  std::string quoted() const;  // %q
  base::Json json() const;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map, Record, Printed>
      value_;
};

struct Value::Field {
  std::string name;       // in templates
  std::string json_name;  // empty: the same
  Value value;
  Omit omit = Omit::kNever;
};

// A Go string literal with quotes, as %q writes it.
std::string go_quoted(std::string_view text);

}  // namespace bld::cmd
