#include "dockerfile/check_options.h"

#include <array>

#include "base/error.h"
#include "base/text.h"

namespace bld::dockerfile {

namespace {

void set_rules(std::string_view value, bool& all, std::vector<std::string>& rules) {
  if (base::to_lower(value) == "all") {
    all = true;
    return;
  }
  for (const std::string& part : base::split(value, ',')) {
    const std::string_view name = base::trim(part);
    if (!name.empty()) rules.emplace_back(name);
  }
}

bool parse_error_option(std::string_view value) {
  const std::string text = base::to_lower(value);
  if (text == "true" || text == "t" || text == "1") return true;
  if (text == "false" || text == "f" || text == "0") return false;
  throw base::Error("invalid check option 'error={}': it is true or false", base::printable(value));
}

}  // namespace

CheckOptions parse_check_options(std::string_view text) {
  CheckOptions options;
  for (const std::string& part : base::split(text, ';')) {
    const std::string_view option = base::trim(part);
    if (option.empty()) continue;
    const std::size_t equals = option.find('=');
    const std::string_view key = base::trim(option.substr(0, equals));
    const std::string_view value =
        equals == std::string_view::npos ? "" : base::trim(option.substr(equals + 1));
    if (equals != std::string_view::npos && key == "skip") {
      set_rules(value, options.skip_all, options.skip);
    } else if (equals != std::string_view::npos && key == "experimental") {
      set_rules(value, options.experimental_all, options.experimental);
    } else if (equals != std::string_view::npos && key == "error") {
      options.error = parse_error_option(value);
    } else {
      static constexpr std::array<std::string_view, 3> kKeys = {"skip", "error", "experimental"};
      base::Error error("invalid check option '{}'", base::printable(option));
      const auto meant = base::nearest(key, kKeys);
      error.hint(meant ? "did you mean " + *meant + "=…?"
                       : "the options are skip=RULE,RULE or skip=all, and error=true");
      throw error;
    }
  }
  return options;
}

}  // namespace bld::dockerfile
