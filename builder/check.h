// The lint rules over the Containerfile of a build.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/events.h"
#include "builder/build_request.h"
#include "builder/plan.h"
#include "dockerfile/lint.h"
#include "store/store.h"

namespace bld::builder {

struct CheckInput {
  const BuildRequest& request;
  const dockerfile::SourceText& source;
  const dockerfile::Containerfile& file;
  const dockerfile::IgnoreFile* ignore = nullptr;
  dockerfile::LintInput::Rules rules = dockerfile::LintInput::Rules::kAll;
  bool all_stages = false;  // not only what the request's target needs
  // Rules, or "all", besides what the file says.
  std::vector<std::string> skip = {}, experimental = {};
  // The image that a FROM means, if it is known.
  std::function<std::optional<BaseImage>(const std::string& name, const image::Platform& platform)>
      find_base = {};
};

struct CheckReport {
  std::vector<dockerfile::Finding> findings;
  bool error = false;  // they are to fail the build
};

// With what `# check=` says, or instead the build argument BUILDKIT_DOCKERFILE_CHECK.
CheckReport check(const CheckInput& input);

// The same while building: warnings with the rule's name, a few of them if there are many; or an
// Error of all if the file wants that.
void check_in_build(const CheckInput& input, base::EventSink& events);

// What the store has under this name, for the platform or for any if a registry cannot help.
std::optional<BaseImage> find_stored_base(store::Store& store, const std::string& name,
                                          const image::Platform& platform);

struct CheckedText {
  dockerfile::SourceText source;
  CheckReport report;
  std::optional<base::Error> error;  // the text is not correct; there is no report then
};

struct TextOptions {
  const dockerfile::IgnoreFile* ignore = nullptr;
  store::Store* store = nullptr;  // where bases are looked up, if it is given
  std::vector<std::string> skip = {}, experimental = {};
};

// A Containerfile without building: nothing is pulled. What the request says about target,
// arguments and platform counts; without a target all stages are looked at.
CheckedText check_text(dockerfile::SourceText source, const BuildRequest& request,
                       const TextOptions& options);

}  // namespace bld::builder
