// How the code between fork and exec gets what it is to do: system calls only, as in child_setup.
#pragma once

#include "runtime/child_plan.h"

namespace bld::runtime {

// Wait for the next message of send_plan() and map it; slots are descriptors by then. -1: errno,
// and 0 where the other side is gone.
int receive_base(int socket, MappedPlan<ContainerBase>& base);
int receive_plan(int socket, MappedPlan<ChildPlan>& plan);

}  // namespace bld::runtime
