// What --help and --version say.
#pragma once

#include <string>

#include "cmd/command.h"

namespace bld::cmd {

std::string usage(const std::string& global_flags);
std::string usage_of(const CommandEntry& entry, const FlagSet& flags);
std::string version_line();  // "bld version X (image-spec 1.1.1, runtime-spec 1.2.1)"

}  // namespace bld::cmd
