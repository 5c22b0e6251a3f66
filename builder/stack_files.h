// The files of a stack of layers, looked up in their trees or, where a layer has none, in its table
// of contents: nothing is mounted, and nothing extracted.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/rooted_dir.h"
#include "builder/existing_files.h"
#include "builder/roots.h"
#include "builder/snapshot.h"
#include "layers/toc.h"
#include "store/store.h"

namespace bld::builder {

// One thread. What it refers to outlives it.
class StackFiles : public ExistingFiles {
 public:
  StackFiles(const Snapshot& snapshot, store::Store& store, Roots& roots);

  std::optional<layers::FileEntry> find(const std::string& path) const override;
  std::optional<std::string> read(const std::string& path) const override;

 private:
  using Layer = std::variant<base::RootedDir, std::shared_ptr<const layers::Toc>>;

  struct Found {
    const Layer* layer;
    layers::FileEntry entry;
  };

  std::optional<Found> look(const std::string& path) const;

  const Snapshot& snapshot_;
  store::Store& store_;
  Roots& roots_;
  std::vector<Layer> layers_;  // uppermost first
};

}  // namespace bld::builder
