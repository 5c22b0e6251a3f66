// Where a stack of trees keeps its users, found without mounting it.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "base/rooted_dir.h"

namespace bld::builder {

// Any thread.
class UserTrees {
 public:
  // The tree that has all that the stack shows as /etc/passwd and /etc/group; nothing where that
  // takes more than a look into each. `lower`, uppermost first, does not change any more and is
  // looked at once in the life of this; `upper` lies upon it, if given. Not both are empty.
  std::optional<base::RootedDir> find(const std::optional<std::filesystem::path>& upper,
                                      const std::vector<std::filesystem::path>& lower);

 private:
  enum class Has { kNothing, kAll, kPart };

  static Has look(const base::RootedDir& tree);
  Has look_once(const std::filesystem::path& tree);

  base::Mutex mutex_;
  std::map<std::filesystem::path, Has> known_ GUARDED_BY(mutex_);
};

}  // namespace bld::builder
