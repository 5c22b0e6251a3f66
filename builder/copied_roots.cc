#include "builder/copied_roots.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/error.h"
#include "builder/opened_trees.h"
#include "layers/merged_copy.h"
#include "layers/squash.h"

namespace bld::builder {

namespace {

namespace fs = std::filesystem;

std::pair<std::uint64_t, std::uint64_t> identity_of(const fs::path& tree) {
  struct stat status = {};
  if (::stat(tree.c_str(), &status) != 0) throw base::Error::sys("stat", tree.string());
  return {status.st_dev, status.st_ino};
}

}  // namespace

// The one that shows most of the stack; it is in nobody's list then.
std::shared_ptr<CopiedRoots::Copy> CopiedRoots::take(const std::vector<Identity>& trees,
                                                     bool to_change) {
  auto best = copies_.end();
  for (auto at = copies_.begin(); at != copies_.end(); ++at) {
    const Copy& copy = **at;
    if (copy.readers != 0 || (to_change && copy.shares_files)) continue;
    const bool is_part = copy.trees.size() <= trees.size() &&
                         std::equal(copy.trees.rbegin(), copy.trees.rend(), trees.rbegin());
    if (!is_part || copy.trees.empty()) continue;
    if (best == copies_.end() || copy.trees.size() > (*best)->trees.size()) best = at;
  }
  if (best == copies_.end()) return nullptr;
  std::shared_ptr<Copy> copy = *best;
  copies_.erase(best);
  return copy;
}

void CopiedRoots::complete(Copy& copy, const std::vector<fs::path>& trees,
                           std::vector<Identity> identities) const {
  const base::RootedDir root = base::RootedDir::open(copy.path);
  if (copy.trees.empty()) {
    const OpenedTrees all(trees);
    layers::squash(all.stack(), root, {.keep_whiteouts = false, .hard_links = copy.shares_files});
  } else {
    for (std::size_t i = trees.size() - copy.trees.size(); i-- > 0;) {
      layers::add_tree(base::RootedDir::open(trees[i]), root);
    }
  }
  copy.trees = std::move(identities);
}

std::shared_ptr<CopiedRoots::Copy> CopiedRoots::copy_of(const std::vector<fs::path>& trees,
                                                        bool to_change) {
  std::vector<Identity> identities;
  for (const fs::path& tree : trees) identities.push_back(identity_of(tree));
  std::shared_ptr<Copy> copy;
  {
    const base::MutexLock lock(mutex_);
    copy = take(identities, to_change);
  }
  if (!copy) {
    copy = std::make_shared<Copy>();
    copy->path = store_.make_temp_dir();
    copy->shares_files = !to_change;
    // As the root of a layer is.
    if (::chmod(copy->path.c_str(), 0755) != 0)
      throw base::Error::sys("chmod", copy->path.string());
  }
  try {
    complete(*copy, trees, std::move(identities));
  } catch (base::Error& error) {
    error.add_context("copying the root filesystem");
    throw;
  }
  return copy;
}

void CopiedRoots::put_back(std::shared_ptr<Copy> copy) {
  const base::MutexLock lock(mutex_);
  copies_.push_back(std::move(copy));
}

std::vector<fs::path> CopiedRoots::to_mount(const std::vector<StackedTree>& trees) {
  std::vector<fs::path> directories;
  for (const StackedTree& tree : trees) directories.push_back(tree.directory);
  return directories;
}

RootView CopiedRoots::look_into(const std::vector<fs::path>& trees) {
  if (trees.empty()) return RootView(base::RootedDir::open(store_.make_temp_dir()));
  std::vector<Identity> identities;
  for (const fs::path& tree : trees) identities.push_back(identity_of(tree));
  std::shared_ptr<Copy> copy;
  {
    const base::MutexLock lock(mutex_);
    for (const std::shared_ptr<Copy>& known : copies_) {
      if (known->trees != identities) continue;
      copy = known;
      ++copy->readers;
      break;
    }
  }
  if (!copy) {
    copy = copy_of(trees, false);
    copy->readers = 1;
    put_back(copy);
  }
  std::shared_ptr<const void> lease(copy.get(), [this, copy](const void*) {
    const base::MutexLock lock(mutex_);
    --copy->readers;
  });
  return RootView(base::RootedDir::open(copy->path), std::move(lease));
}

void CopiedRoots::change(const runtime::OverlayDirs& dirs,
                         const std::function<void(const base::RootedDir&)>& edit) {
  CopyToChange copy(*this, dirs);
  copy.begin({});
  edit(base::RootedDir::open(copy.path()));
  copy.write_changes();
}

CopyToChange::CopyToChange(CopiedRoots& roots, const runtime::OverlayDirs& dirs)
    : roots_(roots), dirs_(dirs), copy_(roots.copy_of(dirs.lower, true)) {
  const base::RootedDir upper = base::RootedDir::open(dirs_.upper);
  had_changes_ = !upper.names().empty();
  if (had_changes_) layers::add_tree(upper, base::RootedDir::open(path()));
}

void CopyToChange::begin(layers::HiddenFiles hidden) {
  hidden_ = std::move(hidden);
  before_ = layers::list_files(base::RootedDir::open(path()), hidden_);
}

void CopyToChange::write_changes() {
  const OpenedTrees lower(dirs_.lower);
  has_changes_ = layers::write_changes(before_, base::RootedDir::open(path()), hidden_,
                                       lower.stack(), base::RootedDir::open(dirs_.upper));
}

void CopyToChange::keep() {
  // The changes of a working container go on changing.
  if (had_changes_) return;
  if (has_changes_) {
    copy_->trees.insert(copy_->trees.begin(), identity_of(dirs_.upper));
    copy_->held.push_back(
        std::make_shared<base::UniqueFd>(base::RootedDir::open(dirs_.upper).open_at(".", O_PATH)));
  }
  roots_.put_back(std::move(copy_));
}

}  // namespace bld::builder
