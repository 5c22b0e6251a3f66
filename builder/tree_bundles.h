// Long stacks of trees as short ones: what a mount costs, and each name that is looked up in it,
// grows with the number of directories, and the kernel stacks 500 at most.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "store/store.h"

namespace bld::builder {

struct StackedTree {
  std::string directory;
  bool is_small = false;  // copying it costs less than mounting it again and again
};

// Trees of which nothing is known.
std::vector<StackedTree> stacked(const std::vector<std::filesystem::path>& directories);

// Any thread. The merged trees live in the store's scratch, as long as the store is open.
class TreeBundles {
 public:
  explicit TreeBundles(store::Store& store) : store_(store) {}

  // Directories that show the same as `trees`; both uppermost first. Of each 8, counted from the
  // last large one, one is made if all are small; of each 64 again one. If there are more than can
  // be mounted, large ones are merged, too. Trees do not change.
  std::vector<std::filesystem::path> bundle(const std::vector<StackedTree>& trees);

 private:
  // One directory for `trees`, uppermost first. `is_lowest`: there is nothing below whose files it
  // could hide.
  const std::string& merged(std::span<const std::string_view> trees, bool by_links, bool is_lowest);

  store::Store& store_;
  base::Mutex mutex_;  // held while merging: who waits wants the same
  // By the directories of the trees, each with a zero byte after it.
  std::unordered_map<std::string, std::string> merged_ GUARDED_BY(mutex_);
};

}  // namespace bld::builder
