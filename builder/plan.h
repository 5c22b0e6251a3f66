// AST and base configs to the step graph. ENV and ARG end here.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "builder/build_request.h"
#include "builder/step.h"
#include "dockerfile/instruction.h"
#include "dockerfile/source_text.h"
#include "image/image_config.h"
#include "image/platform.h"

namespace bld::builder {

// An image to stand on or to copy from, as the store has it.
struct BaseImage {
  image::ImageConfig config;
  std::string name;             // in full; empty: unnamed
  std::string manifest_digest;  // for the annotation base.digest; empty: unknown
  std::string image_id;         // hex
};

// What an image is likely to be needed for: so much is made of it while it comes in. What else a
// step needs is made when the step does.
enum class BaseUse {
  kLayers,  // to stand on, for COPY and configuration
  kFiles,   // commands run in it, or files are copied from it
};

// Looks the image up, or pulls it. Throws if there is none.
using BaseResolver =
    std::function<BaseImage(const std::string& name, const image::Platform& platform, BaseUse use)>;

struct PlanInput {
  const dockerfile::SourceText& source;
  const dockerfile::Containerfile& file;
  const BuildRequest& request;
  image::Platform build_platform, target_platform;
  BaseResolver resolve_base;  // called once a name and platform
  // --build-context NAME=IMAGE and NAME=DIRECTORY, by dockerfile::context_name().
  std::map<std::string, std::string> image_contexts;
  std::set<std::string> directory_contexts;
  // What --build-arg NAME without value, and the proxy variables, take from the environment.
  std::function<std::optional<std::string>(const std::string&)> environment;
};

// Pure but for `resolve_base`. Errors carry the place of the instruction.
Plan plan(const PlanInput& input);

}  // namespace bld::builder
