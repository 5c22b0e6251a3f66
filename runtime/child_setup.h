// The code between fork and exec of a container: system calls on prepared memory, and nothing that
// allocates, locks, logs or throws.
#pragma once

#include <linux/capability.h>

#include <vector>

#include "runtime/child_plan.h"

namespace bld::runtime {

// All that the child uses; the launcher prepares it before the fork.
struct ChildMemory {
  ChildPlan plan;                 // slots are descriptors by now
  std::vector<char*> argv, envp;  // point into `plan`, end with null
  std::vector<int> keep;          // descriptors that stay open, in ascending order
  int channel = -1;               // takes Reports
  int lifeline = -1;              // hangs up when the launcher is gone
};

// Whether the command may look into our init where we are root of the machine.
inline bool may_debug(const ChildPlan& plan) {
  return (plan.capabilities >> CAP_SYS_PTRACE & 1) != 0;
}

// Runs in a process that was cloned into new pid, mount, ipc, uts and cgroup namespaces. It becomes
// the container's init: it starts the command, reaps what is left to it, and ends when the command
// ends, which ends everything in the container.
[[noreturn]] void container_main(ChildMemory& memory);

}  // namespace bld::runtime
