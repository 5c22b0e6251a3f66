// What names the outcome of a step.
//
// The definition key is a SHA-256 of the operation and of the keys of its inputs: known before
// anything runs. The content key has in place of the inputs what they really contain: known when
// the inputs are done. A record under either is a hit, so that a step whose inputs were made anew
// but came out the same is not done again.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "builder/step.h"
#include "image/digest.h"

namespace bld::builder {

// Every field of the operation that decides its result, as stable text; sources that are inputs
// are named by their place.
std::string normal_form(const Operation& operation);

// What of a whole build decides the outcome of each of its steps, as stable text.
std::string normal_form(const BuildRequest& request);

// `contents` are digests of what the operation reads from contexts, in the order of its sources.
std::string definition_key(const Step& step, const BuildRequest& request,
                           const std::vector<std::string>& input_keys,
                           const std::vector<base::Sha256Value>& contents);

// `layers` of what the step stands on; `contents` of all of its sources.
std::string content_key(const Step& step, const BuildRequest& request,
                        const std::vector<image::DiffId>& layers,
                        const std::vector<base::Sha256Value>& contents);

}  // namespace bld::builder
