// A stack of trees, open, in the form in which layers/ takes one.
#pragma once

#include <deque>
#include <filesystem>
#include <span>
#include <vector>

#include "base/rooted_dir.h"

namespace bld::builder {

class OpenedTrees {
 public:
  OpenedTrees() = default;

  // Uppermost first.
  explicit OpenedTrees(std::span<const std::filesystem::path> trees) {
    for (const std::filesystem::path& tree : trees) push_back(tree);
  }

  OpenedTrees(const OpenedTrees&) = delete;
  OpenedTrees& operator=(const OpenedTrees&) = delete;

  void push_back(const std::filesystem::path& tree) {
    stack_.push_back(&opened_.emplace_back(base::RootedDir::open(tree)));
  }

  std::span<const base::RootedDir* const> stack() const { return stack_; }

 private:
  std::deque<base::RootedDir> opened_;
  std::vector<const base::RootedDir*> stack_;
};

}  // namespace bld::builder
