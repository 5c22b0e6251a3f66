#include "cmd/go_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/text.h"

namespace bld::cmd {

namespace {

constexpr std::size_t kMaximumWidth = 1000;

// "%-5.2s" taken apart.
struct Verb {
  std::string letter = "v";  // one character of UTF-8
  bool minus = false, plus = false, sharp = false, space = false, zero = false;
  std::optional<std::size_t> width, precision;

  bool is(std::string_view letters) const {
    return letter.size() == 1 && letters.find(letter[0]) != std::string_view::npos;
  }
};

bool is_first_byte(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_first_byte));
}

std::string_view first_characters(std::string_view text, std::size_t count) {
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (is_first_byte(text[end]) && count-- == 0) break;
  }
  return text.substr(0, end);
}

std::string character(std::uint32_t code) {
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) code = 0xFFFD;
  const auto tail = [](std::uint32_t bits) { return static_cast<char>(0x80U | (bits & 0x3FU)); };
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) return {static_cast<char>(0xC0U | (code >> 6U)), tail(code)};
  if (code < 0x10000) {
    return {static_cast<char>(0xE0U | (code >> 12U)), tail(code >> 6U), tail(code)};
  }
  return {static_cast<char>(0xF0U | (code >> 18U)), tail(code >> 12U), tail(code >> 6U),
          tail(code)};
}

std::string padded(std::string text, const Verb& verb) {
  const std::size_t width = verb.width.value_or(0);
  const std::size_t size = count_characters(text);
  if (size >= width) return text;
  if (verb.minus) return text + std::string(width - size, ' ');
  return std::string(width - size, verb.zero ? '0' : ' ') + text;
}

std::string hex(std::string_view bytes, bool upper) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += upper ? fmt::format("{:02X}", byte) : fmt::format("{:02x}", byte);
  }
  return text;
}

// "1h2m3.5s", as time.Duration's String has it.
std::string duration_as_go(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  std::string sign = nanoseconds < 0 ? "-" : "";
  auto rest = static_cast<std::uint64_t>(nanoseconds);
  if (nanoseconds < 0) rest = 0 - rest;
  const auto in_units = [&](std::uint64_t unit, const char* name) {
    std::string text = fmt::format("{}", rest / unit);
    if (rest % unit != 0) {
      std::string fraction = fmt::format("{}", unit + rest % unit).substr(1);
      fraction.erase(fraction.find_last_not_of('0') + 1);
      text += "." + fraction;
    }
    return text + name;
  };
  constexpr std::uint64_t kSecond = 1'000'000'000;
  if (rest < 1'000) return sign + in_units(1, "ns");
  if (rest < 1'000'000) return sign + in_units(1'000, "µs");
  if (rest < kSecond) return sign + in_units(1'000'000, "ms");
  std::string text = sign;
  if (rest >= 3600 * kSecond) text += fmt::format("{}h", rest / (3600 * kSecond));
  if (rest >= 60 * kSecond) text += fmt::format("{}m", rest / (60 * kSecond) % 60);
  rest %= 60 * kSecond;
  return text + in_units(kSecond, "s");
}

class Formatter {
 public:
  explicit Formatter(const Verb& verb) : verb_(verb) {}

  std::string format(const Value& value) const {
    if (verb_.is("T")) return padded(value.type(), verb_);
    return value.visit([&](const auto& held) { return of(held, value); });
  }

 private:
  std::string of(std::monostate, const Value&) const {
    return verb_.is("v") ? padded("<nil>", verb_) : "%!" + verb_.letter + "(<nil>)";
  }

  std::string of(bool held, const Value& value) const {
    return verb_.is("vt") ? padded(held ? "true" : "false", verb_) : bad(value);
  }

  std::string of(std::int64_t number, const Value& value) const {
    if (verb_.is("vd")) return integer(number, 10);
    if (verb_.is("b")) return integer(number, 2);
    if (verb_.is("oO")) return integer(number, 8);
    if (verb_.is("xX")) return integer(number, 16);
    const auto code = static_cast<std::uint32_t>(std::clamp<std::int64_t>(number, -1, 0x110000));
    if (verb_.is("c")) return padded(character(code), verb_);
    if (verb_.is("q")) return padded("'" + character(code) + "'", verb_);
    if (verb_.is("U")) return padded(fmt::format("U+{:04X}", code), verb_);
    return bad(value);
  }

  std::string of(double number, const Value& value) const {
    if (verb_.is("v") || (verb_.is("gG") && !verb_.precision)) {
      return padded(fmt::format("{}{:g}", verb_.plus && number >= 0 ? "+" : "", number), verb_);
    }
    if (!verb_.is("eEfFgG")) return bad(value);
    const char pattern[] = {'%', '.', '*', verb_.letter[0], '\0'};
    const int precision = static_cast<int>(std::min<std::size_t>(verb_.precision.value_or(6), 100));
    char text[512];
    std::snprintf(text, sizeof text, pattern, precision, number);
    return padded((verb_.plus && number >= 0 ? "+" : "") + std::string(text), verb_);
  }

  std::string of(const std::string& text, const Value& value) const {
    if (verb_.is("v") && verb_.sharp) return padded(go_quoted(text), verb_);
    if (!verb_.is("vsqxX")) return bad(value);
    const std::string_view shown =
        verb_.precision ? first_characters(text, *verb_.precision) : std::string_view(text);
    if (verb_.is("q")) return padded(go_quoted(shown), verb_);
    if (verb_.is("xX")) return padded(hex(shown, verb_.is("X")), verb_);
    return padded(std::string(shown), verb_);
  }

  std::string of(const Value::List& list, const Value& value) const {
    std::vector<std::string> parts;
    for (const Value& item : list) parts.push_back(format(item));
    if (is_go_syntax()) return value.type() + "{" + base::join(parts, ", ") + "}";
    return "[" + base::join(parts, " ") + "]";
  }

  std::string of(const Value::Map& map, const Value& value) const {
    std::vector<std::string> parts;
    for (const auto& [key, item] : map.entries) parts.push_back(format(key) + ":" + format(item));
    if (is_go_syntax()) return value.type() + "{" + base::join(parts, ", ") + "}";
    return "map[" + base::join(parts, " ") + "]";
  }

  std::string of(const Value::Record& record, const Value&) const {
    std::vector<std::string> parts;
    for (const Value::Field& field : record.fields) {
      const bool with_name = verb_.is("v") && (verb_.plus || verb_.sharp);
      parts.push_back((with_name ? field.name + ":" : "") + format(field.value));
    }
    if (is_go_syntax()) return record.type + "{" + base::join(parts, ", ") + "}";
    return "{" + base::join(parts, " ") + "}";
  }

  std::string of(const Value::Printed& printed, const Value& value) const {
    return verb_.is("vsqxX") ? format(printed.text) : bad(value);
  }

  std::string of(const Value::NilPointer& pointer, const Value&) const {
    if (verb_.is("v")) return padded("<nil>", verb_);
    return fmt::format("%!{}({}=<nil>)", verb_.letter, pointer.type);
  }

  std::string of(const Value::Duration& duration, const Value&) const {
    return verb_.is("vsq") ? format(duration_as_go(duration.nanoseconds))
                           : format(duration.nanoseconds);
  }

  bool is_go_syntax() const { return verb_.is("v") && verb_.sharp; }

  std::string bad(const Value& value) const {
    return fmt::format("%!{}({}={})", verb_.letter, value.type(), go_text(value));
  }

  std::string integer(std::int64_t number, unsigned base) const {
    std::string digits;
    auto rest = static_cast<std::uint64_t>(number);
    if (number < 0) rest = 0 - rest;
    for (; rest > 0; rest /= base) {
      digits.insert(digits.begin(),
                    (verb_.is("X") ? "0123456789ABCDEF" : "0123456789abcdef")[rest % base]);
    }
    std::string front = number < 0 ? "-" : (verb_.plus ? "+" : (verb_.space ? " " : ""));
    if (verb_.sharp && base == 16) front += verb_.is("X") ? "0X" : "0x";
    if (verb_.sharp && base == 8) front += "0";
    std::size_t least = verb_.precision.value_or(1);
    if (verb_.zero && !verb_.minus && !verb_.precision) {
      const std::size_t width = verb_.width.value_or(0);
      least = std::max<std::size_t>(1, width - std::min(width, front.size()));
    }
    if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
    return padded(front + digits, verb_);
  }

  const Verb& verb_;
};

// Takes what follows a '%' off the front of `rest`; nothing where the letter is missing.
std::optional<Verb> take_verb(std::string_view& rest) {
  Verb verb;
  const auto take_number = [&] {
    std::size_t number = 0;
    while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
      number = std::min(number * 10 + static_cast<std::size_t>(rest[0] - '0'), kMaximumWidth);
      rest.remove_prefix(1);
    }
    return number;
  };
  for (; !rest.empty(); rest.remove_prefix(1)) {
    bool* flag = nullptr;
    if (rest[0] == '-') flag = &verb.minus;
    if (rest[0] == '+') flag = &verb.plus;
    if (rest[0] == '#') flag = &verb.sharp;
    if (rest[0] == ' ') flag = &verb.space;
    if (rest[0] == '0') flag = &verb.zero;
    if (flag == nullptr) break;
    *flag = true;
  }
  if (!rest.empty() && rest[0] >= '1' && rest[0] <= '9') verb.width = take_number();
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    verb.precision = take_number();
  }
  if (rest.empty()) return std::nullopt;
  verb.letter = first_characters(rest, 1);
  rest.remove_prefix(verb.letter.size());
  return verb;
}

std::string extra(std::span<const Value> arguments) {
  std::vector<std::string> parts;
  for (const Value& value : arguments) {
    parts.push_back(value.get<std::monostate>() != nullptr ? "<nil>"
                                                           : value.type() + "=" + go_text(value));
  }
  return "%!(EXTRA " + base::join(parts, ", ") + ")";
}

std::string print_all(std::span<const Value> arguments, bool always_apart) {
  std::string text;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool has_text = i > 0 && (arguments[i].get<std::string>() != nullptr ||
                                    arguments[i - 1].get<std::string>() != nullptr);
    if (i > 0 && (always_apart || !has_text)) text += ' ';
    text += go_text(arguments[i]);
  }
  return text;
}

}  // namespace

std::string go_text(const Value& value) { return Formatter(Verb()).format(value); }

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

std::string go_printf(std::string_view format, std::span<const Value> arguments) {
  std::string text;
  std::size_t next = 0;
  while (!format.empty()) {
    const std::size_t percent = std::min(format.find('%'), format.size());
    text += format.substr(0, percent);
    format.remove_prefix(percent);
    if (format.empty()) break;
    format.remove_prefix(1);
    const auto verb = take_verb(format);
    if (!verb) return text + "%!(NOVERB)";
    if (verb->is("%")) {
      text += '%';
    } else if (next >= arguments.size()) {
      text += "%!" + verb->letter + "(MISSING)";
    } else {
      // A pointer to a struct shows what it points to.
      const auto* record = arguments[next].get<Value::Record>();
      if (record != nullptr && record->is_pointer && !verb->is("T")) text += '&';
      text += Formatter(*verb).format(arguments[next++]);
    }
  }
  if (next < arguments.size()) text += extra(arguments.subspan(next));
  return text;
}

std::string go_print(std::span<const Value> arguments) { return print_all(arguments, false); }

std::string go_println(std::span<const Value> arguments) {
  return print_all(arguments, true) + "\n";
}

}  // namespace bld::cmd
