// The little language of --output: "DIR", "-", "type=KIND[,dest=PATH][,KEY=VALUE]…".
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "builder/output.h"

namespace bld::cmd {

// An output as it was asked for. An image that only goes to the store is no Output.
struct OutputSpec {
  builder::Output output;
  bool leaves_store = true;        // false: type=image without push
  bool rewrite_timestamp = false;  // as the flag of that name
  // Of the image: annotation.KEY=VALUE.
  std::vector<std::pair<std::string, std::string>> annotations;
};

// Throws Error that says what would be right.
OutputSpec parse_output(const std::string& text);

}  // namespace bld::cmd
