#include "builder/fuse_runner.h"

#include <utility>

namespace bld::builder {

runtime::Exit FuseRunner::run(const runtime::ContainerSpec& spec, std::stop_token stop) {
  runtime::ContainerSpec mounted = spec;
  mounted.overlay_api = runtime::OverlayApi::kFuse;
  const auto* root = std::get_if<runtime::OverlayRoot>(&spec.root);
  // Without a lower tree the upper directory is the root as it is.
  if (root == nullptr || root->lower.empty()) return containers_.run(mounted, std::move(stop));
  FuseRoots::spell_upper(root->upper);
  const runtime::Exit exit = containers_.run(mounted, std::move(stop));
  roots_.restore_upper(root->upper, root->lower);
  return exit;
}

}  // namespace bld::builder
