// The flags that say what a build tells, and where to.
#pragma once

#include <string>

#include "cmd/flags.h"

namespace bld::cmd {

struct OutputFlags {
  void declare(FlagSet& flags);

  std::string iid_file, log_file, progress;
  bool quiet = false;
};

}  // namespace bld::cmd
