// The default system call policy, compiled for the kernel.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "runtime/capabilities.h"
#include "runtime/seccomp_policy.h"

namespace bld::runtime {

// Refuses with EPERM what is known and not allowed, with ENOSYS what this program does not know, so
// that libraries fall back. Capabilities that a container has beyond the default ones open the
// calls that go with them. Takes milliseconds: compile once, use often.
std::vector<sock_filter> compile_default_filter(const CapabilitySet& capabilities);

// The same policy in the words of the OCI runtime-spec.
SeccompPolicy default_seccomp_policy(const CapabilitySet& capabilities);

}  // namespace bld::runtime
