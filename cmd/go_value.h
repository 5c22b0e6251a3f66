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

  // A Go struct, or a pointer to one.
  struct Record {
    std::vector<Field> fields;
    std::string type = {};  // "v1.Image"; what messages call it
    bool is_pointer = false;
  };

  // A pointer to nothing.
  struct NilPointer {
    std::string type;  // "*docker.HealthConfig"
  };

  // A text that Go holds as a struct: a time.
  struct Printed {
    std::string json, text;
    std::string type = "time.Time";
  };

  // time.Duration: a number in JSON, a text for people.
  struct Duration {
    std::int64_t nanoseconds = 0;
  };

  Value();                        // nothing at all
  Value(bool value);              // NOLINT(google-explicit-constructor)
  Value(std::int64_t value);      // NOLINT(google-explicit-constructor)
  Value(int value);               // NOLINT(google-explicit-constructor)
  Value(double value);            // NOLINT(google-explicit-constructor)
  Value(std::string value);       // NOLINT(google-explicit-constructor)
  Value(std::string_view value);  // NOLINT(google-explicit-constructor)
  Value(const char* value);       // NOLINT(google-explicit-constructor)
  Value(List value);              // NOLINT(google-explicit-constructor)
  Value(Record value);            // NOLINT(google-explicit-constructor)
  Value(Printed value);           // NOLINT(google-explicit-constructor)
  Value(NilPointer value);        // NOLINT(google-explicit-constructor)
  Value(Duration value);          // NOLINT(google-explicit-constructor)
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

  bool is_nil() const;  // nothing, or a pointer to nothing

  // Of a map or a record, also of what is embedded in it; null if there is none.
  const Value* find(std::string_view key) const;

  bool truth() const;  // as `if` sees it: neither nil, false, 0 nor empty
  bool empty() const;  // as `omitempty` sees it

  std::string type() const;  // "string", "[]string", "map[string]string", "v1.Image"…
  base::Json json() const;

  template <typename Visitor>
  auto visit(Visitor&& visitor) const {
    return std::visit(std::forward<Visitor>(visitor), value_);
  }

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map, Record, Printed,
               NilPointer, Duration>
      value_;
};

struct Value::Field {
  std::string name;       // in templates
  std::string json_name;  // empty: the same
  Value value;
  Omit omit = Omit::kNever;
  // The fields of its value, a record, are those of the record that it is in.
  bool is_embedded = false;
};

// One visitor of several lambdas.
template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace bld::cmd
