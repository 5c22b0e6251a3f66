// How a stack of trees becomes a root file system that one step may write to.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bld::layers {

// What to mount. Never mounted here.
struct SnapshotMount {
  std::vector<std::filesystem::path> lower;  // uppermost first, never empty
  std::filesystem::path upper, work;
};

class SnapshotDriver {
 public:
  virtual ~SnapshotDriver() = default;

  virtual std::string name() const = 0;

  // Sets up `active`, an empty directory of the caller's, for a step upon `parents` (trees, lowest
  // first; none for scratch). The merged root looks as the uppermost parent's root does.
  virtual SnapshotMount prepare(std::span<const std::filesystem::path> parents,
                                const std::filesystem::path& active) const = 0;

  // Where the step's changes are, as a tree in overlay format.
  virtual std::filesystem::path changes(const std::filesystem::path& active) const = 0;
};

std::unique_ptr<SnapshotDriver> make_overlay_driver();

}  // namespace bld::layers
