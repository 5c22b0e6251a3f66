// TOML (v1.0) as Json, for the configuration files of others. Wraps toml++.
#pragma once

#include <string>
#include <string_view>

#include "image/json.h"

namespace bld::image {

// Tables are objects, dates are texts. Throws Error "FILE:LINE:COLUMN: what is wrong".
Json parse_toml(std::string_view text, const std::string& file);

}  // namespace bld::image
