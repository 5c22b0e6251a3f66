// --ulimit NAME=SOFT[:HARD] as resource limits of the runtime.
#pragma once

#include <string>
#include <vector>

#include "runtime/container_spec.h"

namespace bld::builder {

// A hard limit that is not given is the soft one; -1 is no limit. Unknown names are an Error with a
// suggestion.
std::vector<runtime::Rlimit> parse_ulimits(const std::vector<std::string>& ulimits);

}  // namespace bld::builder
