// The part of the code between fork and exec that prepares for an OCI runtime: system calls only,
// as in child_setup.
#pragma once

#include "runtime/child_plan.h"

namespace bld::runtime {

// Where the bundle lies, in a mount namespace of its own.
inline constexpr const char* kBundleDirectory = "/run";

// Puts the bundle, the root file system and the mounts into place, and makes the rest of the
// machine fit for the runtime: a /proc of this pid namespace, and control groups that it can read
// and not change, since bld itself limits the container and cleans up. Returns whether it worked,
// else errno says why.
bool lay_out_bundle(const MappedPlan<ChildPlan>& plan);

}  // namespace bld::runtime
