// The part of the code between fork and exec that mounts the kernel's own file systems: system
// calls only, as in child_setup.
#pragma once

#include "runtime/child_setup.h"

namespace bld::runtime {

// The roots of what is to be moved to /proc and /sys of the container. Its /dev is the base's.
struct KernelMounts {
  int proc = -1, sys = -1;
};

// Complete with what is mounted in them, and with what is masked. They lie in an empty, read-only
// root; of the host nothing is mounted or to be seen any more. Failing, it reports the stage and
// ends the process.
KernelMounts make_kernel_mounts(const ChildMemory& memory);

}  // namespace bld::runtime
