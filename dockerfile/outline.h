// What a Containerfile offers: its targets, and what the build of one of them takes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dockerfile/instruction.h"

namespace bld::dockerfile {

struct Target {
  std::string name;            // empty: the stage has none
  std::string description;     // from a comment above: `# NAME description`
  std::string base, platform;  // as written
  bool is_default = false;
  Span span;
};

std::vector<Target> targets_of(const Containerfile& file);

struct OutlineArgument {
  std::string name, description;
  std::string value;  // what it has if nothing more is given; as written where that is not known
  Span span;
};

struct OutlineMount {
  std::string id;
  bool required = false;  // secret and ssh
  Span span;
};

struct Outline {
  std::string name, description;  // of the target
  std::vector<OutlineArgument> arguments;
  std::vector<OutlineMount> secrets, ssh, caches;  // each id once, in the order of the file
};

// `target` is a name or number, or empty for the last stage; throws on an unknown one.
// `predefined` are TARGETPLATFORM and its like, which are not listed.
Outline outline_of(const Containerfile& file, const std::string& target,
                   const std::map<std::string, std::string>& build_args,
                   const std::map<std::string, std::string>& predefined);

}  // namespace bld::dockerfile
