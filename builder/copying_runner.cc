#include "builder/copying_runner.h"

#include <optional>
#include <utility>

#include "builder/placed_mounts.h"

namespace bld::builder {

runtime::Exit CopyingRunner::run(const runtime::ContainerSpec& spec, std::stop_token stop) {
  const auto* overlay = std::get_if<runtime::OverlayRoot>(&spec.root);
  if (overlay == nullptr) return containers_.run(spec, std::move(stop));
  CopyToChange copy(roots_, {overlay->lower, overlay->upper, overlay->work});
  runtime::ContainerSpec plain = spec;
  plain.root = runtime::PlainRoot{copy.path()};
  std::optional<PlacedMounts> placed;
  if (confinement() == runtime::Confinement::kChroot) {
    placed.emplace(copy.path(), spec.mounts, store_);
    plain.mounts.clear();
  }
  copy.begin(placed ? placed->hidden() : layers::HiddenFiles());
  const runtime::Exit exit = containers_.run(plain, std::move(stop));
  copy.write_changes();
  const bool is_clean = !placed || placed->remove();
  if (is_clean && exit.status == 0) copy.keep();
  return exit;
}

}  // namespace bld::builder
