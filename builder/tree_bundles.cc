#include "builder/tree_bundles.h"

#include <algorithm>
#include <array>

#include "base/rooted_dir.h"
#include "builder/opened_trees.h"
#include "layers/squash.h"

namespace bld::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBundle = 8;
// Linux stacks 500 (OVL_MAX_STACK); some are left for mount points, volumes and the like.
constexpr std::size_t kMostTrees = 480;

// The bundle that begins at `position`, if they are counted from `start`; both are counted from the
// lowest. Uppermost first. None if there is none.
std::span<const StackedTree> bundle_at(const std::vector<StackedTree>& trees, std::size_t start,
                                       std::size_t position) {
  const bool is_begin = position >= start && (position - start) % kBundle == 0;
  if (!is_begin || position + kBundle > trees.size()) return {};
  return std::span(trees).subspan(trees.size() - position - kBundle, kBundle);
}

std::array<std::string_view, kBundle> directories_of(std::span<const StackedTree> trees) {
  std::array<std::string_view, kBundle> directories;
  std::ranges::transform(trees, directories.begin(), &StackedTree::directory);
  return directories;
}

}  // namespace

std::vector<StackedTree> stacked(const std::vector<fs::path>& directories) {
  std::vector<StackedTree> result;
  for (const fs::path& directory : directories) result.push_back({directory.native()});
  return result;
}

std::vector<fs::path> TreeBundles::bundle(const std::vector<StackedTree>& trees) {
  const bool is_too_high = trees.size() > kMostTrees;
  std::vector<std::string_view> lowest_first;
  std::size_t start = 0;    // of trees that may be merged, counted from the lowest
  std::size_t bundles = 0;  // at the end of `lowest_first`, one upon the other, all small
  for (std::size_t next = 0; next < trees.size();) {
    const StackedTree& tree = trees[trees.size() - 1 - next];
    if (!tree.is_small && !is_too_high) start = next + 1;
    const auto part = bundle_at(trees, start, next);
    const bool is_small = !part.empty() && std::ranges::all_of(part, &StackedTree::is_small);
    if (part.empty() || !(is_small || is_too_high)) {
      lowest_first.push_back(tree.directory);
      ++next;
      bundles = 0;
      continue;
    }
    lowest_first.push_back(merged(directories_of(part), !is_small, next == 0));
    next += kBundle;
    bundles = is_small ? bundles + 1 : 0;
    if (bundles < kBundle) continue;
    std::array<std::string_view, kBundle> eight;
    std::copy_n(lowest_first.rbegin(), kBundle, eight.begin());
    lowest_first.resize(lowest_first.size() - kBundle);
    lowest_first.push_back(merged(eight, false, lowest_first.empty()));
    bundles = 0;
  }
  return {lowest_first.rbegin(), lowest_first.rend()};
}

const std::string& TreeBundles::merged(std::span<const std::string_view> trees, bool by_links,
                                       bool is_lowest) {
  std::string key;
  for (const std::string_view tree : trees) key.append(tree).push_back('\0');
  const base::MutexLock lock(mutex_);
  const auto known = merged_.find(key);
  if (known != merged_.end()) return known->second;
  const fs::path target = store_.make_temp_dir();
  const std::vector<fs::path> directories(trees.begin(), trees.end());
  // A copy is what a small file costs least by; a link would be counted where files are listed.
  layers::squash(OpenedTrees(directories).stack(), base::RootedDir::open(target),
                 {.keep_whiteouts = !is_lowest, .hard_links = by_links});
  return merged_.emplace(std::move(key), target.native()).first->second;
}

}  // namespace bld::builder
