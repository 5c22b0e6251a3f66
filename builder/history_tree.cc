#include "builder/history_tree.h"

#include <algorithm>
#include <utility>

namespace bld::builder {

HistoryTree::End HistoryTree::add(End before, PlannedHistory entry) {
  nodes_.push_back({before, std::move(entry)});
  return nodes_.size() - 1;
}

std::vector<PlannedHistory> HistoryTree::take(End end) && {
  std::vector<PlannedHistory> history;
  for (; end; end = nodes_[*end].before) history.push_back(std::move(nodes_[*end].entry));
  std::reverse(history.begin(), history.end());
  return history;
}

}  // namespace bld::builder
