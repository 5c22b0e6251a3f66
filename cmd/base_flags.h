// The flags that say what an image takes over from its base image, and what it asks of the system.
#pragma once

#include <string>
#include <vector>

#include "builder/build_request.h"
#include "cmd/flags.h"

namespace bld::cmd {

class BaseFlags {
 public:
  void declare(FlagSet& flags);
  void apply(builder::BuildRequest& request) const;

 private:
  bool inherit_labels_ = true, inherit_annotations_ = true;
  std::string os_version_;
  std::vector<std::string> os_features_;
};

}  // namespace bld::cmd
