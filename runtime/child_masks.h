// The part of the code between fork and exec that hides files of the kernel: system calls only, as
// in child_setup.
#pragma once

#include "runtime/child_setup.h"

namespace bld::runtime {

// In the container's root: what the plan names is covered or made read-only, and the control groups
// are the container's own. Failing, it reports the stage and ends the process.
void mask_kernel_files(const ChildMemory& memory);

}  // namespace bld::runtime
