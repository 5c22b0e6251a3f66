// `--filter KEY=VALUE` of images.
#pragma once

#include <string>
#include <vector>

#include "store/store.h"

namespace bld::cmd {

// Keys are those of `bld images --filter`; label!=NAME[=VALUE] is the opposite of label.
// Leaves the images that the filter lets through; of those found by name, only the names that
// match. Throws for a filter that is none, and for an image that it names and is not there.
void apply_filter(store::Store& store, const std::string& filter,
                  std::vector<store::ImageRecord>& images);

// What was so long ago: "48h", as until= has it. Throws where it is no duration.
store::Time ago(const std::string& duration);

// Whether a name ("docker.io/library/app:1") is meant by a pattern ("app", "*/app", "app:1").
bool name_matches(const std::string& name, const std::string& pattern);

}  // namespace bld::cmd
