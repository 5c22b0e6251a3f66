// TOML (v1.0) as Json, for the configuration files of others. Wraps toml++.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/json.h"

namespace bld::base {

// Tables are objects, dates are texts. Throws Error "FILE:LINE:COLUMN: what is wrong".
Json parse_toml(std::string_view text, const std::string& file);
// Of a file of at most 1 MiB.
Json read_toml(const std::filesystem::path& file);

}  // namespace bld::base
