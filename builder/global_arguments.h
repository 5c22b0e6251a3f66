// Build arguments, global ARGs and the arguments that are always there.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "builder/plan.h"
#include "dockerfile/expand.h"
#include "dockerfile/instruction.h"

namespace bld::builder {

// TARGETPLATFORM, BUILDARCH and the like. A platform without variant has no …VARIANT, so that a
// default in the file is used.
std::map<std::string, std::string> predefined_arguments(const image::Platform& build,
                                                        const image::Platform& target,
                                                        const std::string& target_stage);

class GlobalArguments {
 public:
  explicit GlobalArguments(const PlanInput& input);

  // The ARGs before the first FROM.
  void declare(std::span<const dockerfile::Instruction> instructions);

  // For FROM lines and global defaults.
  dockerfile::Lookup lookup() const;

  // What `ARG name[=stage_default]` in a stage gives: the build argument, else the stage's own
  // default, else the global value.
  std::optional<std::string> value_in_stage(const std::string& name,
                                            const std::optional<std::string>& stage_default);

  // Proxy variables for RUN: in its environment, but not in the image, the history or the key.
  const std::vector<std::string>& proxy_env() const { return proxy_env_; }

  // What --build-arg says, declared or not. It counts as asked for.
  std::optional<std::string> build_argument(const std::string& name);

  // Build arguments that nothing asked for, sorted.
  std::vector<std::string> unused() const;

 private:
  const PlanInput& input_;
  std::map<std::string, std::string> build_args_;
  std::map<std::string, std::string> values_;  // of global ARGs and the platform's
  std::set<std::string> used_;
  std::vector<std::string> proxy_env_;
};

}  // namespace bld::builder
