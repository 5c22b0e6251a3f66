// WORKDIR: a folder that has to be there.
#pragma once

#include <string>
#include <vector>

#include "builder/existing_files.h"
#include "layers/entries_layer.h"

namespace bld::builder {

// The layer that makes `path` (absolute, clean) and the folders above it where they are missing,
// mode 0755, owned by `user` (as USER has it; empty: root), time 0. Links are followed inside
// `below`. Empty if all is there. Something else in the way is an Error.
std::vector<layers::SourcedEntry> place_directory(const std::string& path, const std::string& user,
                                                  const ExistingFiles& below);

}  // namespace bld::builder
