// What holds the commands of steps in: --security-opt and the limits.
#pragma once

#include <linux/filter.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/events.h"
#include "runtime/container_spec.h"
#include "runtime/seccomp_policy.h"

namespace bld::builder {

struct Confinement {
  runtime::Seccomp seccomp = runtime::Seccomp::kDefault;
  runtime::SeccompPolicy seccomp_policy;
  std::vector<sock_filter> seccomp_filter;  // the policy compiled
  bool no_new_privileges = false;
  runtime::KernelFiles kernel_files = runtime::KernelFiles::standard();
  runtime::ResourceLimits limits;
};

// `option` is what --security-opt takes: "seccomp=FILE|unconfined", "no-new-privileges",
// "mask=PATH:PATH", "unmask=ALL|PATTERN:…", "label=…", "apparmor=unconfined". A profile is read at
// once, for these capabilities. What bld cannot do is an Error.
void add_security_option(Confinement& confinement, const std::string& option,
                         const runtime::CapabilitySet& capabilities);

// Tells which limits this machine does not enforce. Once a build: it takes a try to know.
void warn_of_limits(const runtime::ResourceLimits& limits, base::EventSink& events);

// A profile in Docker's JSON: rules that do not include these capabilities, this machine or its
// kernel are left out.
runtime::SeccompPolicy parse_seccomp_profile(std::string_view json,
                                             const runtime::CapabilitySet& capabilities);

}  // namespace bld::builder
