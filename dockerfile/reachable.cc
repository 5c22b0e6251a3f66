#include "dockerfile/reachable.h"

#include <optional>

#include "base/error.h"

namespace bld::dockerfile {

namespace {

std::optional<int> base_stage(const Stages& stages, const Stage& stage, const Lookup& globals,
                              char escape) {
  try {
    return stages.base_of(expand_word(stage.from().image.text, globals, escape), stage.index);
  } catch (const base::Error&) {
    return std::nullopt;  // the planner tells
  }
}

}  // namespace

std::vector<bool> reachable_stages(const Stages& stages, int target, const Lookup& globals,
                                   char escape) {
  std::vector<bool> reachable(stages.all().size());
  std::vector<int> wanted = {target};
  while (!wanted.empty()) {
    const Stage& stage = stages[wanted.back()];
    wanted.pop_back();
    if (reachable[static_cast<std::size_t>(stage.index)]) continue;
    reachable[static_cast<std::size_t>(stage.index)] = true;
    if (const auto base = base_stage(stages, stage, globals, escape)) wanted.push_back(*base);
    for (const Instruction& instruction : stage.instructions) {
      for (const FromReference& reference : from_references(instruction)) {
        if (const auto source = stages.source_of(reference.name, stage.index)) {
          wanted.push_back(*source);
        }
      }
    }
  }
  return reachable;
}

}  // namespace bld::dockerfile
