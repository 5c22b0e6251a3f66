#include "base/toml.h"

// In one place only, so that nothing is linked that most commands do not need.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <sstream>

#include "base/error.h"
#include "base/file_io.h"

namespace bld::base {

namespace {

constexpr std::size_t kMaxFileBytes = 1 << 20;

Json to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json object = Json::object();
    for (const auto& [key, value] : *table) object.add(std::string(key.str()), to_json(value));
    return object;
  }
  if (const auto* array = node.as_array()) {
    Json list = Json::array();
    for (const toml::node& value : *array) list.push(to_json(value));
    return list;
  }
  if (const auto text = node.value_exact<std::string>()) return Json(*text);
  if (const auto truth = node.value_exact<bool>()) return Json(*truth);
  if (const auto number = node.value_exact<std::int64_t>()) return Json(*number);
  if (const auto number = node.value_exact<double>()) return Json::number(*number);
  std::ostringstream date;
  node.visit([&date](const auto& value) { date << value; });
  return Json(date.str());
}

}  // namespace

Json parse_toml(std::string_view text, const std::string& file) {
  try {
    return to_json(toml::parse(text));
  } catch (const toml::parse_error& error) {
    const toml::source_position& at = error.source().begin;
    throw Error("{}:{}:{}: {}", file, at.line, at.column, error.description());
  }
}

Json read_toml(const std::filesystem::path& file) {
  return parse_toml(read_file(file, kMaxFileBytes), file.string());
}

}  // namespace bld::base
