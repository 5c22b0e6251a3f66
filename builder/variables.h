// The variables of one stage: ENV and ARG as they come into force, line by line.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dockerfile/expand.h"

namespace bld::builder {

using NameAndValue = std::pair<std::string, std::string>;

// "NAME=value" entries in order; setting an existing name replaces it in place.
void set_variable(std::vector<std::string>& env, std::string_view name, std::string_view value);
std::optional<std::string> find_variable(const std::vector<std::string>& env,
                                         std::string_view name);

// Of bld's own environment.
std::optional<std::string> environment_variable(const std::string& name);

// Of an ENV and an ARG of one name the later line is in force, for words as for RUN.
class Variables {
 public:
  explicit Variables(std::vector<std::string> env) : env_(std::move(env)) {}

  void set_env(std::string_view name, std::string_view value);
  // An ARG without a value only makes the name known.
  void set_arg(const std::string& name, const std::optional<std::string>& value);

  std::optional<std::string> find(std::string_view name) const;
  dockerfile::Lookup lookup() const;

  // What goes into the image.
  const std::vector<std::string>& env() const { return env_; }

  // ARGs in force that have a value, in the order of their lines.
  const std::vector<NameAndValue>& args() const { return args_; }

  // What a RUN sees of both.
  std::vector<std::string> run_environment() const;

 private:
  std::vector<std::string> env_;
  std::vector<NameAndValue> args_;
};

}  // namespace bld::builder
