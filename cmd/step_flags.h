// The flags that say how the steps of a build are done, and what the commands may use.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "builder/build_request.h"
#include "cmd/flags.h"
#include "cmd/run_flags.h"

namespace bld::cmd {

class StepFlags {
 public:
  void declare(FlagSet& flags);
  void apply(builder::BuildRequest& request) const;

 private:
  void take_cache_ttl(const std::string& text);

  RunFlags run_;
  std::vector<builder::SecretSource> secrets_;
  std::vector<builder::SshSource> ssh_;
  bool no_cache_ = false;
  std::optional<std::chrono::sys_seconds> cache_since_;
  std::vector<registry::Location> cache_from_, cache_to_;
  std::vector<std::string> no_cache_stages_, allowed_;
  bool skip_unused_stages_ = true;
  bool stdin_ = false;
  bool compat_volumes_ = false;
  unsigned jobs_ = 0;
};

// "id=ID[,src=FILE|,env=VARIABLE][,type=file|env]"
builder::SecretSource parse_secret(const std::string& text);

// "default", "ID=SOCKET"
builder::SshSource parse_ssh(const std::string& text);

}  // namespace bld::cmd
