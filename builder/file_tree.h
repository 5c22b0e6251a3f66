// The files of a stack of layers as a list, read from tars and trees without extracting any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/rooted_dir.h"
#include "image/digest.h"
#include "layers/file_entry.h"
#include "store/store.h"

namespace bld::builder {

struct TreeFile {
  layers::FileEntry entry;
  std::size_t layer = 0;        // which brought it: 0 is the lowest
  base::Sha256Value content{};  // of a file in a hashed layer; else zeros
};

// What one layer did to those below it. A directory that a layer merely lists is no change.
struct LayerEffect {
  std::uint64_t added = 0, changed = 0, removed = 0;  // files and directories
  std::uint64_t bytes = 0;                            // of its files
  std::uint64_t hidden_bytes = 0;                     // of files below that it replaces or removes
};

enum class Content { kSkipped, kHashed };

class FileTree {
 public:
  struct PathOrder {
    bool operator()(const std::string& a, const std::string& b) const {
      return layers::compare_paths(a, b) < 0;
    }
  };

  using Files = std::map<std::string, TreeFile, PathOrder>;

  // A layer of the store upon what is there. One that was extracted is read as a tree: then the
  // caller must be allowed to (see runtime::enter_namespaces).
  LayerEffect add_layer(store::Store& store, const image::DiffId& layer, Content content);
  // A directory in overlay format, such as the changes of a working container.
  LayerEffect add_tree(const base::RootedDir& tree, Content content);

  const Files& files() const { return files_; }

 private:
  LayerEffect add(std::vector<TreeFile> layer);
  void hide(const std::string& path, LayerEffect& effect);
  void hide_below(const std::string& path, LayerEffect& effect);
  void put(TreeFile file, LayerEffect& effect);

  Files files_;
  std::size_t layers_ = 0;
};

struct FileChange {
  enum class Kind { kAdded, kChanged, kRemoved };
  Kind kind = Kind::kAdded;
  std::string path;  // without a slash in front
  std::uint64_t old_bytes = 0, new_bytes = 0;
  std::vector<std::string> what;  // of a change: type, content, mode, owner, link, attributes
};

// In the order of paths. Times are no difference. Contents are compared by digest where both are
// known; a file that one side has from a layer that was not hashed counts as changed content,
// unless it is the very same file of the same layer.
std::vector<FileChange> compare(const FileTree& before, const FileTree& after);

}  // namespace bld::builder
