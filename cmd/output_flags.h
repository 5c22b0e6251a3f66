// The flags that say what a build tells, what it leaves besides the image, and where.
#pragma once

#include <string>
#include <vector>

#include "builder/build_request.h"
#include "cmd/flags.h"
#include "cmd/output_spec.h"

namespace bld::cmd {

class OutputFlags {
 public:
  void declare(FlagSet& flags);
  // After the flags of the image: outputs look at its names. Refuses what could only fail later.
  void apply(builder::BuildRequest& request) const;
  // Where the log goes; empty: to the standard streams.
  std::string log_path(const builder::BuildRequest& request) const;

  std::string manifest;  // the list that the image becomes part of; empty: none
  std::string iid_file, raw_iid_file, metadata_file;
  std::string log_file, progress;
  bool quiet = false;
  bool log_usage = false;      // what each step took, as a line behind it,
  std::string usage_log_file;  // or here; empty: with all the rest

 private:
  void take(OutputSpec spec);

  std::vector<builder::Output> outputs_;
  // What outputs say of the image itself.
  std::vector<image::Reference> names_;
  std::vector<std::pair<std::string, std::string>> annotations_;
  bool rewrite_timestamp_ = false;
  bool push_ = false;
  bool log_split_ = false;
};

}  // namespace bld::cmd
