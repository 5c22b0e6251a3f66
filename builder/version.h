// The version of bld, as it is written into images.
#pragma once

#include <string_view>

namespace bld::builder {

inline constexpr std::string_view kVersion = BLD_VERSION;

}  // namespace bld::builder
