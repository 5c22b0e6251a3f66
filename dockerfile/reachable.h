// Which stages a target needs.
#pragma once

#include <vector>

#include "dockerfile/expand.h"
#include "dockerfile/stages.h"

namespace bld::dockerfile {

// For each stage whether `target` stands on it, copies or mounts from it, or is it. `globals` are
// the values of the ARGs before the first FROM. What ONBUILD of an image may need is not known
// here.
std::vector<bool> reachable_stages(const Stages& stages, int target, const Lookup& globals,
                                   char escape);

}  // namespace bld::dockerfile
