#include "builder/tree_bundles.h"

#include <algorithm>
#include <span>

#include "base/rooted_dir.h"
#include "builder/opened_trees.h"
#include "layers/squash.h"

namespace bld::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBundle = 16;
// Linux stacks 500 (OVL_MAX_STACK); some are left for mount points, volumes and the like.
constexpr std::size_t kMostTrees = 480;

}  // namespace

std::vector<StackedTree> stacked(const std::vector<fs::path>& directories) {
  std::vector<StackedTree> result;
  for (const fs::path& directory : directories) result.push_back({directory});
  return result;
}

std::vector<fs::path> TreeBundles::bundle(const std::vector<StackedTree>& trees) {
  const bool is_too_high = trees.size() > kMostTrees;
  std::vector<fs::path> result;
  std::size_t next = trees.size() % kBundle;  // the uppermost, which are no 16 yet
  for (std::size_t i = 0; i < next; ++i) result.push_back(trees[i].directory);
  for (; next < trees.size(); next += kBundle) {
    const auto part = std::span(trees).subspan(next, kBundle);
    const bool are_small = std::ranges::all_of(part, &StackedTree::is_small);
    Trees directories;
    for (const StackedTree& tree : part) directories.push_back(tree.directory);
    if (are_small || is_too_high) {
      result.push_back(merged(directories, !are_small, next + kBundle == trees.size()));
    } else {
      result.insert(result.end(), directories.begin(), directories.end());
    }
  }
  return result;
}

const fs::path& TreeBundles::merged(const Trees& trees, bool by_links, bool is_lowest) {
  const base::MutexLock lock(mutex_);
  const auto known = merged_.find(trees);
  if (known != merged_.end()) return known->second;
  const fs::path target = store_.make_temp_dir();
  // A copy is what a small file costs least by; a link would be counted where files are listed.
  layers::squash(OpenedTrees(trees).stack(), base::RootedDir::open(target),
                 {.keep_whiteouts = !is_lowest, .hard_links = by_links});
  return merged_.emplace(trees, target).first->second;
}

}  // namespace bld::builder
