#include "builder/stack_files.h"

#include <utility>

#include "base/file_io.h"
#include "builder/resolve_links.h"
#include "layers/merged_copy.h"

namespace bld::builder {

namespace {

using Type = layers::FileEntry::Type;
using Look = layers::Toc::Look;

layers::FileEntry plain_directory(const std::string& path) {
  layers::FileEntry entry;
  entry.type = Type::kDirectory;
  entry.mode = 0755;
  entry.path = path;
  return entry;
}

}  // namespace

StackFiles::StackFiles(const Snapshot& snapshot, store::Store& store, Roots& roots)
    : snapshot_(snapshot), store_(store), roots_(roots) {
  for (LayerFace& face : snapshot.faces(store)) {
    if (face.toc) {
      layers_.emplace_back(std::move(face.toc));
    } else {
      layers_.emplace_back(base::RootedDir::open(face.tree));
    }
  }
}

std::optional<StackFiles::Found> StackFiles::look(const std::string& path) const {
  const Layer* implied_by = nullptr;
  for (const Layer& layer : layers_) {
    const auto* toc = std::get_if<std::shared_ptr<const layers::Toc>>(&layer);
    Look look = toc != nullptr ? (*toc)->look(path)
                               : layers::look_into_tree(std::get<base::RootedDir>(layer), path);
    if (look.kind == Look::Kind::kShown) {
      if (implied_by != nullptr && look.entry.type != Type::kDirectory) break;
      look.entry.path = path;
      look.entry.opaque = false;
      return Found{&layer, std::move(look.entry)};
    }
    if (look.kind == Look::Kind::kImplied && implied_by == nullptr) implied_by = &layer;
    if (look.kind == Look::Kind::kHidden || look.hides_lower) break;
  }
  if (implied_by == nullptr && !path.empty()) return std::nullopt;
  return Found{implied_by, plain_directory(path)};
}

std::optional<layers::FileEntry> StackFiles::find(const std::string& path) const {
  auto found = look(path);
  if (!found) return std::nullopt;
  return std::move(found->entry);
}

std::optional<std::string> StackFiles::read(const std::string& path) const {
  const ResolvedFile resolved = resolve_links(*this, path);
  if (!resolved.file) return std::nullopt;
  const auto found = look(resolved.path);
  const auto* toc = std::get_if<std::shared_ptr<const layers::Toc>>(found->layer);
  if (toc != nullptr) {
    if (const std::string* text = (*toc)->text(resolved.path)) return *text;
  }
  // What a table does not keep is read from the files.
  const RootView view = roots_.look_into(roots_.to_mount(snapshot_.stack(store_)));
  return DirectoryFiles(view.root()).read(resolved.path);
}

}  // namespace bld::builder
