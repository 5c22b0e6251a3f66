#include "builder/copy_into_container.h"

#include <utility>

#include "base/error.h"
#include "builder/add_remote.h"
#include "builder/base_images.h"
#include "builder/config_edit.h"
#include "builder/copy_selection.h"
#include "builder/mount_container.h"
#include "builder/working_container.h"

namespace bld::builder {

namespace {

namespace fs = std::filesystem;

// As it is now, for reading.
RootView look_into(const WorkingContainer& container, const Services& services) {
  std::vector<fs::path> trees = base_of(container).trees(services.store);
  trees.insert(trees.begin(), services.store.container_dir(container.record.id) / "upper");
  return services.roots.look_into(trees);
}

RootView look_into_image(const ContainerCopyOptions& options, const WorkingContainer& container,
                         const Services& services, const std::stop_token& stop) {
  const ImageLookup lookup{.platform = container.config.platform,
                           .connection = options.connection,
                           .use = BaseUse::kFiles};
  const BaseImage image =
      resolve_base_image(options.from, lookup, services.store, services.events, stop);
  std::vector<std::shared_ptr<LayerHandle>> layers;
  for (const image::DiffId& layer : image.config.diff_ids) {
    layers.push_back(LayerHandle::stored(layer));
  }
  return services.roots.look_into(Snapshot(std::move(layers)).trees(services.store));
}

// Where the sources are, with what has to live as long.
struct Sources {
  std::optional<RootView> root;
  dockerfile::IgnoreFile ignore;
  std::vector<FetchedSource> fetched;
};

Sources open_sources(const ContainerCopyOptions& options, const WorkingContainer& container,
                     const Services& services, const std::stop_token& stop) {
  Sources sources;
  if (options.from.empty() && options.context) {
    Context context = Context::open(*options.context, options.ignore_file, {}, {});
    sources.ignore = context.ignore();
    sources.root.emplace(context.root().duplicate());
  } else if (options.from.empty()) {
    sources.root.emplace(base::RootedDir::open("/"));
  } else if (services.store.find_container(options.from)) {
    sources.root.emplace(look_into(get_container(services.store, options.from), services));
  } else {
    sources.root.emplace(look_into_image(options, container, services, stop));
  }
  for (const auto& source : options.operation.sources) {
    const auto* text = std::get_if<std::string>(&source);
    if (text == nullptr || !is_remote(options.operation, *text)) continue;
    const base::RootedDir scratch = base::RootedDir::open(services.store.make_temp_dir());
    sources.fetched.push_back(fetch_remote(
        *text,
        {.checksum = options.operation.checksum, .access = {.connection = options.connection}},
        scratch, stop));
  }
  return sources;
}

// A source of this machine as a path below what open_sources() opens.
std::string placed_source(const std::string& source, const ContainerCopyOptions& options) {
  if (!options.context) {
    if (source.starts_with('/')) return source;
    // --parents keeps what is written, not where that is.
    const bool marks = options.operation.parents && source.find("/./") == std::string::npos;
    return literal_pattern(fs::current_path().string()) + (marks ? "/./" : "/") + source;
  }
  // A path may begin with that of the context.
  const std::string context = options.context->string();
  const bool is_below = source.starts_with(context) &&
                        (source.size() == context.size() || source[context.size()] == '/');
  return is_below ? source.substr(context.size()) : source;
}

CopyOperation placed_operation(const ContainerCopyOptions& options,
                               const WorkingContainer& container) {
  CopyOperation operation = options.operation;
  operation.makes_folder = true;
  for (auto& source : operation.sources) {
    auto* text = std::get_if<std::string>(&source);
    if (text == nullptr || !options.from.empty() || is_remote(operation, *text)) continue;
    *text = placed_source(*text, options);
  }
  const bool in_folder = operation.destination.empty() || operation.destination.ends_with('/') ||
                         operation.destination == "." || operation.destination.ends_with("/.");
  operation.destination = resolve_directory(container.config.config, operation.destination);
  if (in_folder && operation.destination != "/") operation.destination += '/';
  return operation;
}

std::string kind_of(const Selection& selection) {
  if (selection.items().size() > 1) return "multi";
  return selection.items().front()->kind == Selection::Item::Kind::kFolder ? "dir" : "file";
}

// Directories that are there already keep their times.
void set_times(std::vector<layers::SourcedEntry>& entries, std::int64_t time,
               const base::RootedDir& root) {
  for (layers::SourcedEntry& sourced : entries) {
    layers::FileEntry& entry = sourced.entry;
    const bool is_there =
        entry.type == layers::FileEntry::Type::kDirectory && root.lstat(entry.path).has_value();
    if (is_there) continue;
    entry.mtime_sec = time;
    entry.mtime_nsec = 0;
  }
}

}  // namespace

CopiedFiles copy_into_container(std::string_view name, const ContainerCopyOptions& options,
                                const Services& services, std::stop_token stop) {
  store::Store& store = services.store;
  const std::string id = get_container(store, name).record.id;
  const auto lock = store.lock_container(id);
  const WorkingContainer container = get_container(store, id);
  const CopyOperation operation = placed_operation(options, container);
  const Sources sources = open_sources(options, container, services, stop);
  const Selection selection =
      select(operation, {.root = &sources.root->root(),
                         .ignore = sources.ignore.empty() ? nullptr : &sources.ignore,
                         .digests = nullptr,
                         .fetched = sources.fetched,
                         .owners = options.from.empty() ? SourceOwners::kRoot : SourceOwners::kKept,
                         .no_match = NoMatch::kError});
  const base::RootedDir scratch = base::RootedDir::open(store.make_temp_dir());
  services.roots.change(root_of(container, store), [&](const base::RootedDir& root) {
    std::vector<layers::SourcedEntry> entries =
        place(operation, selection, DirectoryFiles(root), scratch);
    if (options.timestamp) set_times(entries, *options.timestamp, root);
    layers::write_entries_upon(entries, root);
  });
  return {selection.digest(), kind_of(selection)};
}

}  // namespace bld::builder
