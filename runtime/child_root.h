// The part of the code between fork and exec that makes the container's root: system calls only, as
// in child_setup.
#pragma once

#include "runtime/child_setup.h"

namespace bld::runtime {

// Attaches root and mounts of the plan and goes there; nothing of the host is to be seen any more.
// Failing, it reports the stage and ends the process.
void make_root(const ChildMemory& memory);

}  // namespace bld::runtime
