// The flags of `bld build` as a BuildRequest.
#pragma once

#include <string>
#include <vector>

#include "builder/build_request.h"
#include "cmd/base_flags.h"
#include "cmd/check_flags.h"
#include "cmd/context_flags.h"
#include "cmd/flags.h"
#include "cmd/image_flags.h"
#include "cmd/options.h"
#include "cmd/output_flags.h"
#include "cmd/step_flags.h"

namespace bld::cmd {

class BuildFlags {
 public:
  void declare(FlagSet& flags);
  // What was asked, with what the environment says where no flag does. Reads --build-arg-file. Of
  // several platforms it has the first.
  builder::BuildRequest request(const std::vector<std::string>& arguments) const;

  // In the order given; empty: this machine's.
  std::vector<image::Platform> platforms() const { return platform_.platforms(); }

  bool all_platforms() const { return all_platforms_; }

  // Names of the image, as they were given.
  const std::vector<std::string>& tags() const { return image_.tags; }

  OutputFlags output;
  CheckFlags check;

 private:
  void declare_source(FlagSet& flags);

  ContextFlags context_;
  ImageFlags image_;
  BaseFlags base_;
  StepFlags steps_;
  ConnectionFlags connection_;
  PlatformFlags platform_;
  PullFlags pull_;
  builder::BuildRequest request_;
  std::vector<std::string> build_arg_files_;
  bool all_platforms_ = false;
};

}  // namespace bld::cmd
