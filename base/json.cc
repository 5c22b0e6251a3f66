#include "base/json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"

namespace bld::base {

namespace {

// Builds our values from nlohmann's events: its own values would hide doubled keys, and are freed
// by recursion.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return put(Json()); }

  bool boolean(bool value) override { return put(Json(value)); }

  bool number_integer(number_integer_t value) override { return put(Json(std::int64_t{value})); }

  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<std::uint64_t>(INT64_MAX)) throw Error("a number is too large");
    return put(Json(static_cast<std::int64_t>(value)));
  }

  bool number_float(number_float_t value, const string_t&) override {
    return put(Json::number(value));
  }

  bool string(string_t& value) override { return put(Json(std::move(value))); }

  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(Json::object()); }

  bool key(string_t& value) override {
    if (!keys_.back().insert(value).second) {
      throw Error("the key \"{}\" stands twice in one object", printable(value));
    }
    pending_key_.back() = std::move(value);
    return true;
  }

  bool end_object() override { return close(); }

  bool start_array(std::size_t) override { return open(Json::array()); }

  bool end_array() override { return close(); }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    throw Error("not valid JSON at byte {}", position);
  }

  Json take() { return std::move(result_); }

 private:
  bool put(Json value) {
    if (open_.empty()) {
      result_ = std::move(value);
    } else if (open_.back().is_object()) {
      open_.back().add(std::move(pending_key_.back()), std::move(value));
    } else {
      open_.back().push(std::move(value));
    }
    return true;
  }

  bool open(Json container) {
    if (open_.size() >= Json::kMaximumDepth) throw Error("nested too deeply");
    open_.push_back(std::move(container));
    keys_.emplace_back();
    pending_key_.emplace_back();
    return true;
  }

  bool close() {
    Json done = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    pending_key_.pop_back();
    return put(std::move(done));
  }

  std::vector<Json> open_;
  std::vector<std::unordered_set<std::string>> keys_;
  std::vector<std::string> pending_key_;
  Json result_;
};

// Bytes of the well-formed UTF-8 character at the front of `text` (RFC 3629); 0: there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Longer than need be, a surrogate, or beyond U+10FFFF.
  const bool is_wrong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
                        (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f);
  return is_wrong ? 0 : length;
}

// What is no UTF-8 is replaced as Go's encoder does: every reader refuses or alters it otherwise.
void write_string(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      out += {'\\', text[i]};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == '<' || c == '>' || c == '&') {
      out += {'\\', 'u', '0', '0', kDigits[c >> 4], kDigits[c & 15]};
    } else if (text.substr(i, 3) == "\xe2\x80\xa8" || text.substr(i, 3) == "\xe2\x80\xa9") {
      out += text[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else if (const std::size_t length = utf8_length(text.substr(i)); length > 0) {
      out += text.substr(i, length);
      i += length - 1;
    } else {
      out += "\\ufffd";
    }
  }
  out += '"';
}

class Writer {
 public:
  explicit Writer(int indent) : indent_(indent) {}

  void write(const Json& value) {
    if (value.is_null()) {
      out += "null";
    } else if (value.is_bool()) {
      out += value.as_bool() ? "true" : "false";
    } else if (value.is_string()) {
      write_string(out, value.as_string());
    } else if (value.is_array()) {
      list('[', ']', value.as_array(), [&](const Json& element) { write(element); });
    } else if (value.is_object()) {
      list('{', '}', value.as_object(), [&](const auto& member) {
        write_string(out, member.first);
        out += indent_ > 0 ? ": " : ":";
        write(member.second);
      });
    } else {
      out += value.number_text();
    }
  }

  std::string out;

 private:
  template <typename List, typename WriteOne>
  void list(char first, char last, const List& elements, WriteOne write_one) {
    out += first;
    ++depth_;
    bool any = false;
    for (const auto& element : elements) {
      if (any) out += ',';
      any = true;
      line();
      write_one(element);
    }
    --depth_;
    if (any) line();
    out += last;
  }

  void line() {
    if (indent_ == 0) return;
    out += '\n';
    out.append(static_cast<std::size_t>(indent_ * depth_), ' ');
  }

  int indent_;
  int depth_ = 0;
};

[[noreturn]] void wrong_type(std::string_view expected) { throw Error("expected {}", expected); }

}  // namespace

Json Json::number(double value) {
  Json json;
  json.value_ = value;
  return json;
}

Json Json::parse(std::string_view text, std::size_t limit_bytes) {
  if (text.size() > limit_bytes) throw Error("longer than {} bytes", limit_bytes);
  // The parser takes a zero byte for the end, and passes over a byte order mark.
  const std::size_t zero = text.find('\0');
  if (zero != text.npos) throw Error("not valid JSON at byte {}", zero);
  if (text.starts_with("\xef\xbb\xbf")) throw Error("not valid JSON: a byte order mark");
  Builder builder;
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

std::string Json::str(int indent) const {
  Writer writer(indent);
  writer.write(*this);
  return std::move(writer.out);
}

std::string Json::number_text() const {
  if (const auto* integer = std::get_if<std::int64_t>(&value_)) return std::to_string(*integer);
  // With a point or an exponent: 5.0 is to be read as what it was.
  std::string text = fmt::format("{}", std::get<double>(value_));
  if (text.find_first_not_of("-0123456789") == text.npos) text += ".0";
  return text;
}

bool Json::as_bool() const {
  if (const auto* value = std::get_if<bool>(&value_)) return *value;
  wrong_type("true or false");
}

std::int64_t Json::as_integer() const {
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return *value;
  // 1e9 and 5.0 are integers, too.
  const auto* real = std::get_if<double>(&value_);
  if (real != nullptr && std::nearbyint(*real) == *real && std::abs(*real) < 9e15) {
    return static_cast<std::int64_t>(*real);
  }
  wrong_type("an integer");
}

double Json::as_number() const {
  if (const auto* value = std::get_if<double>(&value_)) return *value;
  return static_cast<double>(as_integer());
}

const std::string& Json::as_string() const {
  if (const auto* value = std::get_if<std::string>(&value_)) return *value;
  wrong_type("a string");
}

const Json::Array& Json::as_array() const {
  if (const auto* value = std::get_if<Array>(&value_)) return *value;
  wrong_type("an array");
}

const Json::Object& Json::as_object() const {
  if (const auto* value = std::get_if<Object>(&value_)) return *value;
  wrong_type("an object");
}

const Json* Json::find(std::string_view key) const {
  for (const auto& [name, value] : as_object()) {
    if (name == key) return value.is_null() ? nullptr : &value;
  }
  return nullptr;
}

namespace {

// Runs `read` on a member and says which one it was when the type is wrong.
template <typename Read>
auto read_member(const Json& object, std::string_view key, Read read)
    -> decltype(read(std::declval<const Json&>())) {
  const Json* member = object.find(key);
  if (member == nullptr) return {};
  try {
    return read(*member);
  } catch (Error& error) {
    error.add_context("\"" + std::string(key) + "\"");
    throw;
  }
}

}  // namespace

std::string Json::string(std::string_view key) const {
  return read_member(*this, key, [](const Json& json) { return json.as_string(); });
}

std::int64_t Json::integer(std::string_view key) const {
  return read_member(*this, key, [](const Json& json) { return json.as_integer(); });
}

bool Json::boolean(std::string_view key) const {
  return read_member(*this, key, [](const Json& json) { return json.as_bool(); });
}

std::vector<std::string> Json::strings(std::string_view key) const {
  return read_member(*this, key, [](const Json& json) {
    std::vector<std::string> values;
    for (const Json& element : json.as_array()) values.push_back(element.as_string());
    return values;
  });
}

std::map<std::string, std::string> Json::string_map(std::string_view key) const {
  return read_member(*this, key, [](const Json& json) {
    std::map<std::string, std::string> values;
    for (const auto& [name, value] : json.as_object()) values[name] = value.as_string();
    return values;
  });
}

Json& Json::add(std::string key, Json value) {
  std::get<Object>(value_).emplace_back(std::move(key), std::move(value));
  return *this;
}

Json& Json::push(Json value) {
  std::get<Array>(value_).push_back(std::move(value));
  return *this;
}

Json Json::from(const std::vector<std::string>& values) {
  Array array;
  for (const std::string& value : values) array.emplace_back(value);
  return Json(std::move(array));
}

Json Json::from(const std::map<std::string, std::string>& values) {
  Object object;
  for (const auto& [name, value] : values) object.emplace_back(name, value);
  return Json(std::move(object));
}

}  // namespace bld::base
