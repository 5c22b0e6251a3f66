// RUN on one active snapshot: the seam for builds, working containers and tests.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "builder/build.h"
#include "builder/command_settings.h"
#include "builder/step.h"
#include "runtime/container_spec.h"
#include "runtime/passwd.h"

namespace bld::builder {

// Descriptors of the caller; -1 is /dev/null.
struct Stdio {
  int in = -1, out = -1, err = -1;
  runtime::OutputPipes* output = nullptr;  // instead of `out` and `err`; see runtime::ContainerSpec
  int console_socket = -1;                 // the same
};

// Whose command it is, as the image's own files know users and groups before the step.
runtime::ResolvedUser user_of(const RunOperation& operation, const runtime::OverlayRoot& root,
                              const CommandSettings& settings, const Services& services);

// Runs the command upon `root` and gives its exit status. `mounts` come from run_mounts.h and are
// made besides those of the settings. A command that cannot be started is an Error.
runtime::Exit run_step(const RunOperation& operation, const runtime::OverlayRoot& root,
                       std::vector<runtime::Mount> mounts, const CommandSettings& settings,
                       const Services& services, const Stdio& stdio, std::stop_token stop);

}  // namespace bld::builder
