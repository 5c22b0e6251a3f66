// --security-opt and the limits: --memory, --cpu-*, --cpuset-*, --pids-limit, --cgroup-parent.
#pragma once

#include <string>
#include <vector>

#include "builder/confinement.h"
#include "cmd/flags.h"

namespace bld::cmd {

class ConfinementFlags {
 public:
  void declare(FlagSet& flags);

  // Reads the seccomp profile, if one was named; `default_profile` (if any) otherwise. Throws Error
  // on what does not go together.
  builder::Confinement confinement(const std::vector<std::string>& cap_add,
                                   const std::vector<std::string>& cap_drop,
                                   const std::string& default_profile) const;

 private:
  void declare_processor(FlagSet& flags);

  std::vector<std::string> security_options_;
  runtime::ResourceLimits limits_;
};

}  // namespace bld::cmd
