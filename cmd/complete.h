// What may stand at the cursor of a command line, for the shells' completion.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cmd/flags.h"

namespace bld::cmd {

struct Candidate {
  std::string word, help;
};

struct Completion {
  std::vector<Candidate> candidates;  // that begin with the current word
  bool files = false;                 // names of files, too
};

// Names in the store that the command line speaks of.
struct StoreNames {
  std::function<std::vector<std::string>()> images, containers;
};

// `words` are those behind "bld", the last one being the current one, perhaps empty.
Completion complete(const std::vector<std::string>& words, const FlagSet& global_flags,
                    const StoreNames& names);

}  // namespace bld::cmd
