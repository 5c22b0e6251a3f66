// Resource limits of a container's processes.
#pragma once

#include <vector>

#include "runtime/container_spec.h"

namespace bld::runtime {

// The limits to set: no core files, open files and processes as we have them but at most 1,048,576,
// then those asked for. Each is clamped to our own hard limit, never a failure.
std::vector<Rlimit> effective_limits(const std::vector<Rlimit>& requested);

}  // namespace bld::runtime
