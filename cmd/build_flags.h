// The flags of `bld build` as a BuildRequest.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "builder/build_request.h"
#include "cmd/flags.h"
#include "cmd/options.h"

namespace bld::cmd {

class BuildFlags {
 public:
  void declare(FlagSet& flags);
  // What was asked, with what the environment says where no flag does. Reads --build-arg-file.
  builder::BuildRequest request(const std::vector<std::string>& arguments) const;

  std::string iid_file, log_file, progress;
  std::vector<std::string> tags;  // as they were given
  bool quiet = false;

 private:
  void declare_image(FlagSet& flags);
  void declare_steps(FlagSet& flags);
  void declare_unsupported(FlagSet& flags);
  void take_environment(builder::BuildRequest& request) const;

  ConnectionFlags connection_;
  PlatformFlags platform_;
  PullFlags pull_;
  RunFlags run_;
  builder::BuildRequest request_;
  std::vector<std::string> files_, build_arg_files_, env_;
  std::string ignore_file_, format_;
  std::optional<bool> layers_;
  std::optional<std::int64_t> source_date_epoch_;
  bool rewrite_timestamp_ = false;
  bool no_cache_ = false;
};

// "id=ID[,src=FILE|,env=VARIABLE][,type=file|env]"
builder::SecretSource parse_secret(const std::string& text);

// "default", "ID=SOCKET"
builder::SshSource parse_ssh(const std::string& text);

}  // namespace bld::cmd
