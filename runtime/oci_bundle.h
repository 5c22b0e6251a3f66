// The config.json of the OCI runtime-spec, for `--runtime`: the same container that bld would make.
#pragma once

#include <string>
#include <vector>

#include "runtime/container_spec.h"

namespace bld::runtime {

// A mount that bld has prepared and the runtime binds.
struct BundleMount {
  std::string destination;  // in the container, without links
  std::string source;
  std::vector<std::string> options;  // besides "rbind"
};

std::string bundle_config(const ContainerSpec& spec, const std::vector<BundleMount>& mounts);

// The path of the program. Throws with what to install where there is none.
std::string find_oci_runtime(const OciRuntime& runtime);

// Its command line for a bundle in `directory`.
std::vector<std::string> oci_runtime_command(const OciRuntime& runtime,
                                             const std::string& directory);

}  // namespace bld::runtime
