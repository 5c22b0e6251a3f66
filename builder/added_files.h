// Files of this machine that a commit puts into the image without the container having them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "builder/roots.h"
#include "builder/working_container.h"
#include "store/transaction.h"

namespace bld::builder {

struct AddedFile {
  std::string source;       // a regular file of this machine
  std::string destination;  // its path in the image; empty: the source's own path
};

struct AddedFiles {
  store::ActiveTree tree;            // them, and the directories above as the container has them
  std::vector<std::string> history;  // an entry for each
};

// Nothing where `files` is empty. They belong to root, with mode 0644 and their own times. Under
// the container's lock.
std::optional<AddedFiles> add_files(const std::vector<AddedFile>& files,
                                    const WorkingContainer& container, store::Store& store,
                                    Roots& roots);

}  // namespace bld::builder
