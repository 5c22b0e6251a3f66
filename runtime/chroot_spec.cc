#include "runtime/chroot_spec.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"

namespace bld::runtime {

namespace {

base::Error refused(const std::string& what, const std::string& remedy) {
  base::Error error("{}, which the container around bld refuses", what);
  error.hint(remedy + "; what is in the way: bld doctor");
  return error;
}

// Of the default set what we have ourselves. By SYS_CHROOT a command would get out of its root.
CapabilitySet allowed_capabilities(const CapabilitySet& wanted) {
  const CapabilitySet held = CapabilitySet::permitted();
  const CapabilitySet missing = wanted.without(CapabilitySet::container_default()).without(held);
  if (missing.bits() != 0) {
    throw refused("the command needs " + base::join(missing.names(), ", "),
                  "start that container with --cap-add");
  }
  CapabilitySet allowed = wanted.common_with(held);
  allowed.drop("SYS_CHROOT");
  return allowed;
}

}  // namespace

ContainerSpec for_chroot(ContainerSpec spec) {
  BLD_CHECK(std::holds_alternative<PlainRoot>(spec.root) && spec.mounts.empty());
  if (spec.needs_namespaces) {
    throw refused("the isolation that was asked for needs namespaces and mounts",
                  "use --isolation=chroot, or leave --isolation and BUILDAH_ISOLATION away");
  }
  if (!spec.runtime.program.empty()) {
    throw refused(spec.runtime.program + " needs namespaces and mounts", "leave --runtime away");
  }
  if (spec.network != NetworkMode::kHost) {
    throw refused("a network of its own needs a namespace", "use --network=host");
  }
  const auto& standard = KernelFiles::standard().masked;
  for (const std::string& path : spec.kernel_files.masked) {
    if (std::find(standard.begin(), standard.end(), path) != standard.end()) continue;
    throw refused("hiding " + base::printable(path) + " needs mounts", "leave mask= away");
  }
  spec.capabilities = allowed_capabilities(spec.capabilities);
  if (!spec.no_new_privileges && spec.seccomp == Seccomp::kCustom) {
    throw refused("a filter of system calls needs CAP_SYS_ADMIN",
                  "add --security-opt no-new-privileges, with which it needs nothing");
  }
  if (!spec.no_new_privileges) spec.seccomp = Seccomp::kUnconfined;
  return spec;
}

}  // namespace bld::runtime
