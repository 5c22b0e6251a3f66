// A stack of trees as one plain directory, for places where no overlay can be mounted. squash()
// makes such a copy; here is how it grows with the stack, and what a path of the stack shows.
#pragma once

#include <span>
#include <string_view>

#include "base/rooted_dir.h"
#include "layers/toc.h"

namespace bld::layers {

// Makes `merged`, a plain copy of some stack, that of the stack with `tree` (overlay format) on
// top. Contents are copied, by reflink where possible: nothing is shared with the tree. After a
// failure the copy is of no use.
void add_tree(const base::RootedDir& tree, const base::RootedDir& merged);

// What a tree in overlay format says about a path, as its table of contents would.
Toc::Look look_into_tree(const base::RootedDir& tree, std::string_view path);

// Whether the stack (uppermost first, overlay format) shows anything at `path`.
bool shows(std::span<const base::RootedDir* const> trees, std::string_view path);

}  // namespace bld::layers
