// The histories of all stages of a build. A stage goes on from its base's, so together they are a
// tree; each entry is there once, however long the chains are.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "builder/step.h"

namespace bld::builder {

class HistoryTree {
 public:
  // The last entry of a history; nothing: it is empty.
  using End = std::optional<std::size_t>;

  // The history that goes on from `before` with `entry`.
  End add(End before, PlannedHistory entry);

  // Moved out, first entry first: each history that shares entries with it is lost.
  std::vector<PlannedHistory> take(End end) &&;

 private:
  struct Node {
    End before;
    PlannedHistory entry;
  };

  std::vector<Node> nodes_;
};

}  // namespace bld::builder
