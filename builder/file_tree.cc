#include "builder/file_tree.h"

#include <fcntl.h>

#include <memory>
#include <utility>

#include "base/byte_stream.h"
#include "base/error.h"
#include "layers/compression.h"
#include "layers/tar_reader.h"
#include "layers/tree_walk.h"
#include "layers/whiteout.h"

namespace bld::builder {

namespace {

using layers::FileEntry;
using Type = FileEntry::Type;

base::Sha256Value digest_of(base::ByteSource& content) {
  base::Sha256 hash;
  base::pump(content, hash);
  return hash.finish();
}

// A whiteout of a tar is a name; here it is a type, as in a walk.
bool take_whiteout(FileEntry& entry) {
  layers::WhiteoutName name = layers::parse_whiteout(entry.path);
  if (name.kind == layers::WhiteoutName::Kind::kNone) return false;
  entry = {};
  entry.path = std::move(name.path);
  entry.opaque = name.kind == layers::WhiteoutName::Kind::kOpaque;
  entry.type = entry.opaque ? Type::kDirectory : Type::kWhiteout;
  return true;
}

std::vector<TreeFile> read_tar(base::ByteSource& tar, std::vector<std::string>& opaque,
                               Content content) {
  std::vector<TreeFile> files;
  layers::TarReader reader(tar);
  while (const FileEntry* entry = reader.next()) {
    TreeFile file{.entry = *entry};
    if (take_whiteout(file.entry) && file.entry.opaque) {
      opaque.push_back(file.entry.path);
      continue;
    }
    if (content == Content::kHashed && entry->type == Type::kFile) {
      file.content = digest_of(reader.content());
    }
    files.push_back(std::move(file));
  }
  return files;
}

std::vector<TreeFile> read_tree(const base::RootedDir& tree, Content content) {
  std::vector<TreeFile> files;
  layers::TreeWalk walk(tree);
  while (const layers::WalkedFile* walked = walk.next()) {
    TreeFile file{.entry = walked->entry};
    if (content == Content::kHashed && walked->entry.type == Type::kFile) {
      layers::FileContent source(walked->fd, walked->entry.size, walked->sparse);
      file.content = digest_of(source);
    }
    files.push_back(std::move(file));
  }
  return files;
}

bool is_same_metadata(const FileEntry& a, const FileEntry& b) {
  return a.type == b.type && a.mode == b.mode && a.uid == b.uid && a.gid == b.gid &&
         a.xattrs == b.xattrs;
}

bool is_below(const std::string& path, const std::string& directory) {
  return directory.empty() ? !path.empty()
                           : path.size() > directory.size() && path.starts_with(directory) &&
                                 path[directory.size()] == '/';
}

}  // namespace

LayerEffect FileTree::add_layer(store::Store& store, const image::DiffId& diff_id,
                                Content content) {
  const auto layer = store.find_layer(diff_id);
  if (!layer) throw base::Error("layer {} is not in the store", diff_id.digest.str());
  if (layer->blobs.empty() || (!layer->tree_id.empty() && layer->sealed_with)) {
    return add_tree(base::RootedDir::open(store.tree_path(layer->tree_id)), content);
  }
  const base::UniqueFd blob = store.open_blob(layer->blobs.front().digest);
  base::FdSource compressed(blob.get());
  const std::unique_ptr<base::ByteSource> tar = layers::decompress(compressed);
  std::vector<std::string> opaque;
  std::vector<TreeFile> files = read_tar(*tar, opaque, content);
  LayerEffect effect;
  for (const std::string& directory : opaque) hide_below(directory, effect);
  const LayerEffect rest = add(std::move(files));
  effect.added = rest.added;
  effect.changed = rest.changed;
  effect.removed += rest.removed;
  effect.bytes = rest.bytes;
  effect.hidden_bytes += rest.hidden_bytes;
  return effect;
}

LayerEffect FileTree::add_tree(const base::RootedDir& tree, Content content) {
  return add(read_tree(tree, content));
}

// Whiteouts are about the layers below, so they go first.
LayerEffect FileTree::add(std::vector<TreeFile> layer) {
  LayerEffect effect;
  for (const TreeFile& file : layer) {
    if (file.entry.type == Type::kWhiteout) {
      hide(file.entry.path, effect);
    } else if (file.entry.opaque) {
      hide_below(file.entry.path, effect);
    }
  }
  for (TreeFile& file : layer) {
    // Every layer has a root, whether or not its tar lists it.
    if (file.entry.type == Type::kWhiteout || file.entry.path.empty()) continue;
    file.entry.opaque = false;
    file.layer = layers_;
    put(std::move(file), effect);
  }
  ++layers_;
  return effect;
}

void FileTree::hide(const std::string& path, LayerEffect& effect) {
  hide_below(path, effect);
  const auto file = files_.find(path);
  if (file == files_.end()) return;
  ++effect.removed;
  effect.hidden_bytes += file->second.entry.size;
  files_.erase(file);
}

void FileTree::hide_below(const std::string& path, LayerEffect& effect) {
  auto file = files_.upper_bound(path);
  while (file != files_.end() && is_below(file->first, path)) {
    ++effect.removed;
    effect.hidden_bytes += file->second.entry.size;
    file = files_.erase(file);
  }
}

void FileTree::put(TreeFile file, LayerEffect& effect) {
  effect.bytes += file.entry.size;
  const std::string path = file.entry.path;
  const auto [place, is_new] = files_.try_emplace(path);
  if (is_new) {
    ++effect.added;
  } else {
    const FileEntry& old = place->second.entry;
    const bool is_directory = file.entry.type == Type::kDirectory;
    if (!is_directory || !is_same_metadata(old, file.entry)) ++effect.changed;
    if (place->second.layer != layers_) effect.hidden_bytes += old.size;
    if (old.type == Type::kDirectory && !is_directory) hide_below(path, effect);
  }
  place->second = std::move(file);
}

namespace {

std::vector<std::string> differences(const TreeFile& a, const TreeFile& b) {
  const FileEntry& before = a.entry;
  const FileEntry& after = b.entry;
  std::vector<std::string> what;
  if (a.layer == b.layer && before == after && a.content == b.content &&
      a.content == base::Sha256Value{}) {
    return what;  // nobody looked, and it is the same file
  }
  if (before.type != after.type) return {"type"};
  const bool is_unknown = a.content == base::Sha256Value{} || b.content == base::Sha256Value{};
  if (before.type == Type::kFile &&
      (before.size != after.size || is_unknown || a.content != b.content)) {
    what.emplace_back("content");
  }
  if (before.mode != after.mode) what.emplace_back("mode");
  if (before.uid != after.uid || before.gid != after.gid) what.emplace_back("owner");
  if (before.link != after.link) what.emplace_back("link");
  if (before.xattrs != after.xattrs || before.dev_major != after.dev_major ||
      before.dev_minor != after.dev_minor) {
    what.emplace_back("attributes");
  }
  return what;
}

}  // namespace

std::vector<FileChange> compare(const FileTree& before, const FileTree& after) {
  using Kind = FileChange::Kind;
  std::vector<FileChange> changes;
  auto a = before.files().begin();
  auto b = after.files().begin();
  while (a != before.files().end() || b != after.files().end()) {
    const auto order = a == before.files().end()  ? std::strong_ordering::greater
                       : b == after.files().end() ? std::strong_ordering::less
                                                  : layers::compare_paths(a->first, b->first);
    if (order < 0) {
      changes.push_back({Kind::kRemoved, a->first, a->second.entry.size, 0, {}});
      ++a;
    } else if (order > 0) {
      changes.push_back({Kind::kAdded, b->first, 0, b->second.entry.size, {}});
      ++b;
    } else {
      std::vector<std::string> what = differences(a->second, b->second);
      if (!what.empty()) {
        changes.push_back({Kind::kChanged, a->first, a->second.entry.size, b->second.entry.size,
                           std::move(what)});
      }
      ++a;
      ++b;
    }
  }
  return changes;
}

}  // namespace bld::builder
