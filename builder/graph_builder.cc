#include "builder/graph_builder.h"

#include "builder/keys.h"

namespace bld::builder {

namespace {

// The contexts that an operation reads: part of what makes it equal to another one, though not of
// its key, where the files' digests stand for them.
std::string context_names(const Operation& operation) {
  std::string names;
  const auto note = [&](const FileSource& source) {
    const auto* from = std::get_if<FromContext>(&source);
    names += '\0';
    if (from != nullptr) names += from->name;
  };
  if (const auto* file = std::get_if<FileOperation>(&operation)) note(file->source);
  if (const auto* run = std::get_if<RunOperation>(&operation)) {
    for (const MountOperation& mount : run->mounts) note(mount.source);
  }
  return names;
}

}  // namespace

NodeId GraphBuilder::base(std::vector<image::DiffId> layers) {
  Step step;
  step.operation = BaseOperation{std::move(layers)};
  return add(std::move(step));
}

NodeId GraphBuilder::add(Step step) {
  const auto [found, is_new] = known_.emplace(
      std::pair(normal_form(step.operation) + context_names(step.operation), step.inputs),
      graph_.steps.size());
  if (is_new) {
    graph_.steps.push_back(std::move(step));
  } else if (step.anew) {
    graph_.steps[found->second].anew = true;
  }
  return found->second;
}

}  // namespace bld::builder
