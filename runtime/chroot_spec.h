// What a chroot can keep of what a container was to be.
#pragma once

#include "runtime/container_spec.h"

namespace bld::runtime {

// See Confinement::kChroot. What was asked for and cannot be had is an Error that says so.
ContainerSpec for_chroot(ContainerSpec spec);

}  // namespace bld::runtime
