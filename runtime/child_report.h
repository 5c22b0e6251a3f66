// How the code between fork and exec tells what went wrong: system calls only, as in child_setup.
#pragma once

#include "runtime/child_plan.h"

namespace bld::runtime {

// Reports errno as the error of this stage, and ends the process.
[[noreturn]] void fail(int channel, Stage stage, int index = 0);

}  // namespace bld::runtime
