// The part of the code between fork and exec that makes the container's root: system calls only, as
// in child_setup.
#pragma once

#include "runtime/child_kernel_mounts.h"

namespace bld::runtime {

// Attaches root and mounts of the plan and goes there.
// Failing, it reports the stage and ends the process.
void make_root(const ChildMemory& memory, const KernelMounts& kernel);

}  // namespace bld::runtime
