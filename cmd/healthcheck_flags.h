// `bld config --healthcheck` and the flags of its times.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cmd/flags.h"
#include "image/image_config.h"

namespace bld::cmd {

class HealthcheckFlags {
 public:
  void declare(FlagSet& flags);

  bool given() const { return test_.has_value() || !words_.empty(); }

  // What is not given stays. A check that is new is none until --healthcheck says which, every 30
  // seconds; an empty --healthcheck takes it away, with its times.
  void apply(image::RunConfig& config) const;

  // "--interval=5s CMD x", as the HEALTHCHECK of a history.
  std::string history() const;

 private:
  using Time = std::chrono::nanoseconds image::Healthcheck::*;

  void declare_times(FlagSet& flags);

  std::optional<std::string> test_;
  std::vector<std::pair<Time, std::chrono::nanoseconds>> times_;
  std::optional<int> retries_;
  std::vector<std::string> words_;  // of times and retries, for the history
};

}  // namespace bld::cmd
