// Stacks of trees as plain copies, for places where no overlay can be mounted.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "builder/roots.h"
#include "layers/changes.h"

namespace bld::builder {

// Copies live until the process ends. One that shows the lower trees of a stack is made to show the
// rest too, so that n steps upon each other cost one copy of the whole, and once more what they
// changed. What is only looked into shares its files with the trees (hard links).
class CopiedRoots : public Roots {
 public:
  explicit CopiedRoots(store::Store& store) : store_(store) {}

  RootView look_into(const std::vector<std::filesystem::path>& trees) override;
  void change(const runtime::OverlayDirs& dirs,
              const std::function<void(const base::RootedDir&)>& edit) override;
  std::vector<std::filesystem::path> to_mount(const std::vector<StackedTree>& trees) override;

 private:
  friend class CopyToChange;

  // Trees are known by their inodes, since a tree keeps its own when it is committed. What was
  // written by this process is held open, so that no other one gets it.
  using Identity = std::pair<std::uint64_t, std::uint64_t>;

  struct Copy {
    std::filesystem::path path;
    std::vector<Identity> trees;  // uppermost first
    std::vector<std::shared_ptr<base::UniqueFd>> held;
    bool shares_files = false;
    int readers = 0;
  };

  std::shared_ptr<Copy> take(const std::vector<Identity>& trees, bool to_change) REQUIRES(mutex_);
  std::shared_ptr<Copy> copy_of(const std::vector<std::filesystem::path>& trees, bool to_change);
  void complete(Copy& copy, const std::vector<std::filesystem::path>& trees,
                std::vector<Identity> identities) const;
  void put_back(std::shared_ptr<Copy> copy) EXCLUDES(mutex_);

  store::Store& store_;
  base::Mutex mutex_;
  std::list<std::shared_ptr<Copy>> copies_ GUARDED_BY(mutex_);  // that nobody changes
};

// A stack's copy in one hand, to be changed: the changes are found by comparing, and put into the
// upper directory of the stack.
class CopyToChange {
 public:
  CopyToChange(CopiedRoots& roots, const runtime::OverlayDirs& dirs);

  const std::filesystem::path& path() const { return copy_->path; }

  // What is done until then changes nothing, as far as hidden or taken back after write_changes().
  void begin(layers::HiddenFiles hidden);
  void write_changes();
  // Only where the copy is what the stack now shows; the upper directory belongs to it for good.
  void keep();

 private:
  CopiedRoots& roots_;
  const runtime::OverlayDirs dirs_;
  std::shared_ptr<CopiedRoots::Copy> copy_;
  bool had_changes_ = false;  // before
  bool has_changes_ = false;
  layers::HiddenFiles hidden_;
  std::vector<layers::ListedFile> before_;
};

}  // namespace bld::builder
