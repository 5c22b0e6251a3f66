#include "builder/user_trees.h"

#include <sys/stat.h>

#include "layers/tree_walk.h"

namespace bld::builder {

namespace {

bool is_opaque(const base::RootedDir& tree, const char* directory) {
  return layers::root_entry(tree.open_dir(directory, base::Resolve::kInRootNoLinks)).opaque;
}

// As FuseRoots spells whiteouts.
bool has_named_whiteouts_in_etc(const base::RootedDir& tree) {
  return tree.lstat("etc/.wh.passwd") || tree.lstat("etc/.wh.group") ||
         tree.lstat("etc/.wh..wh..opq");
}

}  // namespace

UserTrees::Has UserTrees::look(const base::RootedDir& tree) {
  if (tree.lstat(".wh.etc")) return Has::kPart;
  const auto etc = tree.lstat("etc");
  if (!etc) return Has::kNothing;
  if (!S_ISDIR(etc->st_mode) || has_named_whiteouts_in_etc(tree)) return Has::kPart;
  const auto passwd = tree.lstat("etc/passwd");
  const auto group = tree.lstat("etc/group");
  if (passwd && group && S_ISREG(passwd->st_mode) && S_ISREG(group->st_mode)) return Has::kAll;
  if (passwd || group) return Has::kPart;
  return is_opaque(tree, "etc") ? Has::kAll : Has::kNothing;
}

UserTrees::Has UserTrees::look_once(const std::filesystem::path& tree) {
  {
    const base::MutexLock lock(mutex_);
    const auto found = known_.find(tree);
    if (found != known_.end()) return found->second;
  }
  const Has has = look(base::RootedDir::open(tree));
  const base::MutexLock lock(mutex_);
  return known_.emplace(tree, has).first->second;
}

std::optional<base::RootedDir> UserTrees::find(const std::optional<std::filesystem::path>& upper,
                                               const std::vector<std::filesystem::path>& lower) {
  if (upper) {
    base::RootedDir tree = base::RootedDir::open(*upper);
    const Has has = look(tree);
    if (has == Has::kPart) return std::nullopt;
    if (has == Has::kAll || lower.empty()) return tree;
  }
  for (const std::filesystem::path& path : lower) {
    const Has has = look_once(path);
    if (has == Has::kPart) return std::nullopt;
    if (has == Has::kAll) return base::RootedDir::open(path);
  }
  return base::RootedDir::open(lower.back());
}

}  // namespace bld::builder
