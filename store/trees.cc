// Layer trees: made, committed, extracted on demand.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/rooted_dir.h"
#include "layers/apply.h"
#include "store/rows.h"
#include "store/state.h"

namespace bld::store {

using base::Error;
using base::RootedDir;
namespace fs = std::filesystem;

namespace {

// mkdir obeys the umask, and the root of a layer must not.
void make_plain_directory(const fs::path& path) {
  if ((::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) || ::chmod(path.c_str(), 0755) != 0) {
    throw Error::sys("mkdir", path.string());
  }
}

// A row whose directory somebody removed by hand is as good as none.
bool is_there(const fs::path& path) {
  struct stat info {};

  return ::lstat(path.c_str(), &info) == 0;
}

}  // namespace

ActiveTree::ActiveTree(ActiveTree&& other) noexcept
    : state_(std::exchange(other.state_, nullptr)),
      name_(std::move(other.name_)),
      fs_(std::move(other.fs_)),
      work_(std::move(other.work_)) {}

ActiveTree& ActiveTree::operator=(ActiveTree&& other) noexcept {
  std::swap(state_, other.state_);
  std::swap(name_, other.name_);
  std::swap(fs_, other.fs_);
  std::swap(work_, other.work_);
  return *this;
}

ActiveTree::~ActiveTree() {
  if (state_ == nullptr) return;
  try {
    if (!is_there(fs_) && make_spare()) return;
    RootedDir::open(state_->lease().directory()).remove_tree(name_);
  } catch (const std::exception&) {
    // It is in tmp/, which goes with our lease.
  }
}

// Once the directory was committed, what is left is soon as good as new.
bool ActiveTree::make_spare() const {
  const RootedDir work = RootedDir::open(work_);
  for (const std::string& name : work.names()) work.remove_tree(name);
  make_plain_directory(fs_);
  return state_->keep_spare_tree(name_);
}

ActiveTree Store::new_tree() {
  const std::optional<std::string> spare = state_->take_spare_tree();
  const fs::path path =
      spare ? fs::path(state_->lease().directory()) / *spare : fs::path(state_->lease().new_path());
  ActiveTree tree;
  tree.name_ = path.filename().string();
  tree.fs_ = path / "fs";
  tree.work_ = path / "work";
  if (!spare && ::mkdir(path.c_str(), 0700) != 0) throw Error::sys("mkdir", path.string());
  tree.state_ = state_;
  if (spare) return tree;
  for (const fs::path& directory : {tree.fs_, tree.work_}) {
    make_plain_directory(directory);
  }
  return tree;
}

std::string Store::commit_tree(ActiveTree& tree) {
  BLD_CHECK(tree.state_ == state_);
  const std::string id = base::random_id().substr(0, 16);
  const fs::path path = state_->tree_path(id);
  state_->pin_unrecorded(pin_of_tree(id));
  if (::renameat2(AT_FDCWD, tree.fs_.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0) {
    throw Error::sys("rename", path.string());
  }
  ++state_->trees_committed;
  return id;
}

fs::path Store::mount_points() {
  const fs::path path = state_->root / "mount-points";
  if (is_there(path)) return path;
  const fs::path fresh = make_temp_dir();
  for (const char* name : {"", "proc", "sys", "dev", "etc", "run"})
    make_plain_directory(fresh / name);
  for (const char* name : {"etc/hosts", "etc/hostname", "etc/resolv.conf", "run/.containerenv"}) {
    const fs::path file = fresh / name;
    const base::UniqueFd made(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!made || ::fchmod(made.get(), 0644) != 0) throw Error::sys("create", file.string());
  }
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0 &&
      errno != EEXIST) {
    throw Error::sys("rename", path.string());
  }
  return path;
}

std::string key_of_parents(std::span<const image::DiffId> parents) {
  base::Sha256 hash;
  for (const image::DiffId& parent : parents) hash.write_field(parent.digest.str());
  return base::to_hex(hash.finish()).substr(0, 32);
}

std::vector<RootedDir> open_trees(StoreState& state, std::span<const image::DiffId> layers) {
  std::vector<std::string> ids;
  {
    Session session(state.database, SessionKind::kRead);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const std::string diff_id = layers[i].digest.str();
      const std::optional<Layer> layer = read_layer(session, diff_id);
      if (!layer) return {};
      ids.push_back(layer->implied_parents
                        ? read_tree(session, diff_id, key_of_parents(layers.first(i)))
                        : layer->tree_id);
      if (ids.back().empty()) return {};
    }
  }
  std::vector<RootedDir> trees;
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    trees.push_back(RootedDir::open(state.tree_path(*id)));
  }
  return trees;
}

namespace {

// Extracts into a new tree, upon the trees of `parents` (uppermost first).
layers::AppliedLayer extract(StoreState& state, const Layer& layer, const ActiveTree& tree,
                             const std::vector<const RootedDir*>& parents) {
  if (layer.blobs.empty()) {
    throw Error("layer {} is not in the store as a blob to extract", layer.diff_id.digest.str());
  }
  const fs::path path = state.blob_path(layer.blobs.front().digest);
  const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) throw Error::sys("open", path.string());
  base::FdSource blob(file.get());
  layers::ApplyOptions options;
  options.parents = parents;
  options.expected_diff_id = layer.diff_id;
  try {
    return layers::apply(blob, RootedDir::open(tree.fs()), options);
  } catch (Error& error) {
    error.add_context(fmt::format("extracting layer {}", layer.diff_id.digest.str()));
    throw;
  }
}

}  // namespace

std::string Store::tree_of(const Layer& layer, std::span<const image::DiffId> parents) const {
  const std::string key = layer.implied_parents ? key_of_parents(parents) : std::string();
  Session session(state_->database, SessionKind::kRead);
  std::string tree_id = read_tree(session, layer.diff_id.digest.str(), key);
  return !tree_id.empty() && is_there(tree_path(tree_id)) ? tree_id : std::string();
}

std::string Store::find_tree(const image::DiffId& diff_id, std::span<const image::DiffId> parents) {
  const std::optional<Layer> layer = find_layer(diff_id);
  return layer ? tree_of(*layer, parents) : std::string();
}

Layer Store::ensure_tree(const image::DiffId& diff_id, std::span<const image::DiffId> parents) {
  std::optional<Layer> layer = find_layer(diff_id);
  if (!layer) throw Error("layer {} is not in the store", diff_id.digest.str());
  while (true) {
    const std::string key = layer->implied_parents ? key_of_parents(parents) : std::string();
    const auto find = [&] {
      layer->tree_id = tree_of(*layer, parents);
      return !layer->tree_id.empty();
    };
    if (find()) return *layer;
    // Lowest first, so that each finds its own parents; before our turn, since in another image the
    // same layers may lie the other way round.
    std::vector<RootedDir> opened;
    for (std::size_t i = 0; layer->implied_parents && i < parents.size(); ++i) {
      const Layer parent = ensure_tree(parents[i], parents.first(i));
      opened.push_back(RootedDir::open(tree_path(parent.tree_id)));
    }
    std::vector<const RootedDir*> below;
    for (auto tree = opened.rbegin(); tree != opened.rend(); ++tree) below.push_back(&*tree);

    const StoreState::Exclusive turn(*state_, diff_id.digest.str() + key);
    if (find()) return *layer;
    ActiveTree tree = new_tree();
    const layers::AppliedLayer applied = extract(*state_, *layer, tree, below);
    if (applied.implied_parents && !layer->implied_parents) {
      layer->implied_parents = true;  // now that we know, once more upon the parents
      continue;
    }
    Layer face = *layer;
    face.tree_id = commit_tree(tree);
    face.sealed_with.reset();
    face.blobs.clear();
    Transaction transaction = begin();
    transaction.record_tree(face, key);
    std::move(transaction).commit();
    // The tree of another process may have been there first; the loop finds whichever it is.
  }
}

}  // namespace bld::store
