#include "builder/copying_runner.h"

#include <fcntl.h>

#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "base/rooted_dir.h"
#include "builder/opened_trees.h"
#include "builder/placed_mounts.h"
#include "layers/squash.h"

namespace bld::builder {

namespace {

// Views of trees as binds of copies, which live as long as this. A writable one is a copy of its
// own, and forgotten.
class CopiedViews {
 public:
  CopiedViews(std::vector<runtime::Mount>& mounts, CopiedRoots& roots, store::Store& store) {
    for (runtime::Mount& mount : mounts) {
      const auto* view = std::get_if<runtime::OverlayView>(&mount);
      if (view == nullptr) continue;
      const bool is_writable = !view->upper.empty();
      const base::RootedDir files =
          is_writable ? own_copy(view->lower, store)
                      : views_.emplace_back(roots.look_into(view->lower)).root().duplicate();
      descriptors_.push_back(files.open_at(view->subpath.empty() ? "." : view->subpath, O_PATH));
      mount = runtime::BindMount{.target = view->target,
                                 .source_fd = descriptors_.back().get(),
                                 .read_only = !is_writable,
                                 .nosuid = view->nosuid,
                                 .noexec = view->noexec};
    }
  }

 private:
  static base::RootedDir own_copy(const std::vector<std::filesystem::path>& trees,
                                  store::Store& store) {
    base::RootedDir copy = base::RootedDir::open(store.make_temp_dir());
    layers::squash(OpenedTrees(trees).stack(), copy,
                   {.keep_whiteouts = false, .hard_links = false});
    return copy;
  }

  std::deque<RootView> views_;
  std::deque<base::UniqueFd> descriptors_;
};

}  // namespace

runtime::Exit CopyingRunner::run(const runtime::ContainerSpec& spec, std::stop_token stop) {
  const auto* overlay = std::get_if<runtime::OverlayRoot>(&spec.root);
  if (overlay == nullptr) return containers_.run(spec, std::move(stop));
  CopyToChange copy(roots_, {overlay->lower, overlay->upper, overlay->work});
  runtime::ContainerSpec plain = spec;
  plain.root = runtime::PlainRoot{copy.path()};
  std::optional<PlacedMounts> placed;
  std::optional<CopiedViews> views;
  if (confinement() == runtime::Confinement::kChroot) {
    placed.emplace(copy.path(), spec.mounts, store_);
    plain.mounts.clear();
  } else {
    views.emplace(plain.mounts, roots_, store_);
  }
  copy.begin(placed ? placed->hidden() : layers::HiddenFiles());
  const runtime::Exit exit = containers_.run(plain, std::move(stop));
  copy.write_changes();
  const bool is_clean = !placed || placed->remove();
  if (is_clean && exit.status == 0) copy.keep();
  return exit;
}

}  // namespace bld::builder
