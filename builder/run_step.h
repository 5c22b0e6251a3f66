// RUN on one active snapshot: the seam for builds, working containers and tests.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "builder/build.h"
#include "builder/step.h"
#include "runtime/container_spec.h"

namespace bld::builder {

// What a command can reach that is not in the instruction. Referred to, not owned.
struct RunEnvironment {
  const Services& services;
  NetworkChoice network = NetworkChoice::kDefault;
  const NetworkFiles& network_files;
  const std::vector<std::string>& cap_add;
  const std::vector<std::string>& cap_drop;
  const std::vector<std::string>& ulimits;
  const std::vector<VolumeMount>& volumes;
  const std::vector<runtime::TmpfsMount>& tmpfs;
  const Confinement& confinement;
  std::uint64_t shm_size_bytes = 64 << 20;
};

// Descriptors of the caller; -1 is /dev/null.
struct Stdio {
  int in = -1, out = -1, err = -1;
  int console_socket = -1;  // see runtime::ContainerSpec
};

// Runs the command upon `root` and gives its exit status. `mounts` come from run_mounts.h and are
// made besides those of the environment. A command that cannot be started is an Error.
runtime::Exit run_step(const RunOperation& operation, const runtime::OverlayRoot& root,
                       std::vector<runtime::Mount> mounts, const RunEnvironment& environment,
                       const Stdio& stdio, std::stop_token stop);

}  // namespace bld::builder
