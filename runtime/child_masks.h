// The part of the code between fork and exec that hides files of the kernel: system calls only, as
// in child_setup.
#pragma once

#include "runtime/child_kernel_mounts.h"

namespace bld::runtime {

// Before there is a root: what the base names below /proc and /sys is covered or made read-only,
// and the control groups are the container's own. Failing, it reports the stage and ends the
// process.
void mask_kernel_files(const ChildMemory& memory, const KernelMounts& mounts);

// In the container's root, the same with what the plan names.
void mask_files(const ChildMemory& memory);

}  // namespace bld::runtime
