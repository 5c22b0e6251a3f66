// When the files of a stack of layers were changed, as the layers' tars say it.
//
// A tree that was made here keeps the times of its files; sealing may have written others into the
// tar (--timestamp, --rewrite-timestamp). Who reads the trees for others has to say what the tars
// do.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/rooted_dir.h"
#include "builder/snapshot.h"
#include "layers/seal.h"
#include "store/store.h"

namespace bld::builder {

class LayerTimes {
 public:
  // Waits for seals.
  LayerTimes(const Snapshot& snapshot, store::Store& store);

  // False: all trees have the times of their tars.
  bool differ() const { return differ_; }

  // The time of a file that shows, from that in its tree.
  std::int64_t of(const std::string& path, std::int64_t mtime) const;

 private:
  std::vector<std::pair<base::RootedDir, layers::SealOptions>> trees_;  // uppermost first
  bool differ_ = false;
};

}  // namespace bld::builder
