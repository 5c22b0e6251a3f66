#include "builder/single_layer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "builder/layer_times.h"
#include "builder/opened_trees.h"
#include "layers/overlay_upper.h"
#include "layers/seal.h"
#include "layers/squash.h"
#include "layers/tree_walk.h"

namespace bld::builder {

namespace {

// Into the files themselves, which are of this tree alone.
void write_times(const base::RootedDir& tree, const LayerTimes& times) {
  layers::TreeWalk walk(tree);
  std::vector<std::pair<std::string, std::int64_t>> changes;
  while (const layers::WalkedFile* file = walk.next()) {
    const std::int64_t mtime = times.of(file->entry.path, file->entry.mtime_sec);
    if (mtime != file->entry.mtime_sec) changes.emplace_back(file->entry.path, mtime);
  }
  for (const auto& [path, mtime] : changes) {
    const auto [parent, name] = base::split_path(path);
    if (name.empty()) continue;
    const base::UniqueFd directory = tree.open_at(parent.empty() ? "." : parent, O_PATH);
    const std::array<timespec, 2> both = {
        {{.tv_sec = mtime, .tv_nsec = 0}, {.tv_sec = mtime, .tv_nsec = 0}}};
    if (::utimensat(directory.get(), name.c_str(), both.data(), AT_SYMLINK_NOFOLLOW) != 0) {
      throw base::Error::sys("utimensat", base::printable(path));
    }
  }
}

}  // namespace

AssembledLayers as_single_layer(const Snapshot& snapshot, std::size_t kept, AssembledLayers layers,
                                const layers::SealOptions& time_rule, store::Store& store) {
  const std::size_t count = snapshot.layers().size();
  if (count <= kept + 1) return layers;
  const std::vector<std::filesystem::path> trees = snapshot.trees(store);  // uppermost first
  const auto below = std::span(trees).subspan(count - kept);

  store::ActiveTree tree = store.new_tree();
  layers::SealOptions options = time_rule;
  options.parent_root = layers::prepare_upper(below, tree.fs());
  const OpenedTrees merged{std::span(trees).first(count - kept)};
  const Snapshot changes(
      std::vector(snapshot.layers().begin() + static_cast<long>(kept), snapshot.layers().end()));
  // Times that only the tars have had, and that are another one now, are written down.
  const LayerTimes times(changes, store);
  const bool differ = times.differ() && !time_rule.set_mtime;
  const base::RootedDir target = base::RootedDir::open(tree.fs());
  layers::squash(merged.stack(), target, {.keep_whiteouts = kept > 0, .hard_links = !differ});
  if (differ) write_times(target, times);

  store::Layer layer;
  layer.tree_id = store.commit_tree(tree);
  const layers::SealedLayer sealed =
      layers::seal(base::RootedDir::open(store.tree_path(layer.tree_id)), options);
  layer.diff_id = sealed.diff_id;
  layer.tar_size_bytes = sealed.tar_size;
  layer.sealed_with = options;
  store::Transaction transaction = store.begin();
  transaction.record_layer(layer);
  std::move(transaction).commit();

  layers.layers.resize(kept);
  layers.layers.push_back(sealed.diff_id);
  const auto last = std::find(layers.made_layer.rbegin(), layers.made_layer.rend(), true);
  for (auto entry = layers.made_layer.rbegin(); entry != layers.made_layer.rend(); ++entry) {
    if (entry != last) *entry = false;
  }
  return layers;
}

}  // namespace bld::builder
