// `bld run`: a command in a working container.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/build.h"
#include "builder/command_settings.h"
#include "builder/run_step.h"
#include "builder/working_container.h"
#include "dockerfile/run_mount.h"
#include "runtime/launcher.h"

namespace bld::builder {

struct ContainerRunOptions {
  std::vector<std::string> args;
  std::vector<std::string> env;  // "NAME=value", before the image's
  std::string user, directory;   // empty: the image's
  CommandSettings settings;
  // --mount. A bind without from= shows a file or folder of this machine, itself and not a copy.
  std::vector<dockerfile::RunMount> mounts;
  std::filesystem::path context;  // where relative sources of these are; empty: here
  Stdio stdio;
};

// Runs the command, and gives its exit status. Another command on the same container waits.
runtime::Exit run_in_container(const WorkingContainer& container,
                               const ContainerRunOptions& options, const Services& services,
                               std::stop_token stop);

}  // namespace bld::builder
