// What a build is made of: the context, its Containerfiles and other contexts by name.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "builder/build_request.h"
#include "cmd/flags.h"

namespace bld::cmd {

// --file, --build-context, --ignorefile, --cpp-flag, and the command's argument.
class ContextFlags {
 public:
  void declare(FlagSet& flags);
  // With BUILDAH_CPPFLAGS before the flags of the command line, and BLD_REMOTE_TIMEOUT.
  void apply(const std::vector<std::string>& arguments, builder::BuildRequest& request) const;

 private:
  std::vector<std::string> files_, cpp_flags_;
  std::map<std::string, std::string> named_;
  std::string ignore_file_;
};

}  // namespace bld::cmd
