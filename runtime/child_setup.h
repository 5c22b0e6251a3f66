// The code between fork and exec of a container: system calls on prepared memory, and nothing that
// allocates, locks, logs or throws.
#pragma once

#include <linux/capability.h>

#include "runtime/child_plan.h"

namespace bld::runtime {

// All that the child uses.
struct ChildMemory {
  int channel = -1;   // takes Reports
  int plans = -1;     // brings first `base`, then `plan`
  int lifeline = -1;  // hangs up when the launcher is gone
  MappedPlan<ContainerBase> base;
  MappedPlan<ChildPlan> plan;
};

// Whether the command may look into our init where we are root of the machine.
inline bool may_debug(std::uint64_t capabilities) {
  return (capabilities >> CAP_SYS_PTRACE & 1) != 0;
}

// Runs in a process that was cloned into the namespaces that it shall have. It becomes the
// container's init: it makes the base and waits for the plan; then it starts the command, reaps
// what is left to it, and ends when the command ends, which ends everything in the container.
[[noreturn]] void container_main(ChildMemory& memory);

}  // namespace bld::runtime
