// --check and --call: what `bld build` is asked instead of building.
#pragma once

#include <string>

#include "cmd/flags.h"

namespace bld::cmd {

enum class BuildCall { kBuild, kCheck, kOutline, kTargets };

struct CheckFlags {
  void declare(FlagSet& flags);

  BuildCall call = BuildCall::kBuild;
  bool json = false;

 private:
  void set_call(const std::string& text);
};

}  // namespace bld::cmd
