#include "builder/working_container.h"

#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "builder/base_annotations.h"
#include "builder/base_images.h"
#include "builder/config_edit.h"
#include "builder/snapshot.h"
#include "builder/stack_files.h"
#include "layers/overlay_upper.h"

namespace bld::builder {

namespace {

std::string to_json(const WorkingContainer& container) {
  base::Json json = base::Json::object();
  json.add("imageName", container.image_name);
  json.add("imageID", container.image_id);
  json.add("config", container.config.json());
  json.add("annotations", base::Json::from(container.annotations));
  json.add("history", base::Json::from(container.history));
  json.add("createdBy", container.created_by);
  json.add("historyComment", container.history_comment);
  json.add("runFlags", base::Json::from(container.run_flags));
  json.add("format", container.format == ImageFormat::kDocker ? "docker" : "oci");
  return json.str();
}

WorkingContainer from_record(store::Container record) {
  const base::Json json = base::Json::parse(record.config);
  WorkingContainer container;
  container.image_name = json.string("imageName");
  container.image_id = json.string("imageID");
  container.config = image::ImageConfig::parse(json.string("config"));
  container.annotations = json.string_map("annotations");
  container.history = json.strings("history");
  container.created_by = json.string("createdBy");
  container.history_comment = json.string("historyComment");
  container.run_flags = json.strings("runFlags");
  if (json.string("format") == "docker") container.format = ImageFormat::kDocker;
  container.record = std::move(record);
  return container;
}

// "busybox-working-container"; with "-1", "-2" … where that is taken.
std::string free_name(store::Store& store, const std::string& image, const std::string& suffix) {
  std::string prefix;
  if (!image.empty()) {
    const auto place = registry::parse_location(image);
    const std::string& named = place && place->path.empty() ? place->reference : image;
    std::string last = named.substr(named.rfind('/') + 1);
    last = last.substr(0, last.find_first_of(":@"));
    prefix = last + "-";
  }
  const std::string name = prefix + suffix;
  const auto is_taken = [&](const std::string& candidate) {
    for (const store::Container& other : store.containers()) {
      if (other.name == candidate) return true;
    }
    return false;
  };
  if (!is_taken(name)) return name;
  for (int number = 1;; ++number) {
    std::string candidate = name + "-" + std::to_string(number);
    if (!is_taken(candidate)) return candidate;
  }
}

// What the container's name begins with: the image's name. One from a file or directory without any
// gives its kind: "oci-archive".
std::string named_after(const FromOptions& options, const BaseImage& base) {
  if (!base.name.empty()) return base.name;
  const auto place = registry::parse_location(options.image);
  const bool is_file = place && !place->path.empty();
  return is_file ? options.image.substr(0, options.image.find(':')) : options.image;
}

// A name of our own choice may be taken by another process between looking and taking it.
store::Container create_record(store::Container record, const FromOptions& options,
                               const std::string& image, store::Store& store) {
  record.name = options.name;
  for (;;) {
    if (options.name.empty()) record.name = free_name(store, image, options.suffix);
    try {
      return store.create_container(record);
    } catch (const base::Error&) {
      const auto other = store.find_container(record.name);
      if (!options.name.empty() || !other || other->name != record.name) throw;
    }
  }
}

}  // namespace

WorkingContainer make_container(const FromOptions& options, const Services& services,
                                std::stop_token stop) {
  store::Store& store = services.store;
  const image::Platform platform = options.platform.value_or(image::Platform::host());
  WorkingContainer container;
  std::string named;
  if (options.image == "scratch") {
    container.config.platform = platform;  // and nothing else, not even a PATH
  } else {
    const BaseImage base = resolve_base_image(
        options.image, {platform, options.pull, options.connection, BaseUse::kFiles}, store,
        services.events, stop);
    container.config = base.config;
    container.image_name = base.name.empty() ? options.image : base.name;
    named = named_after(options, base);
    container.record.image_manifest = image::Digest::parse(base.manifest_digest);
    container.image_id = base.image_id;
    container.record.layers = base.config.diff_ids;
    container.annotations = inherited_annotations(base.manifest_digest, store);
    const bool has_name = !base.image_id.starts_with(container.image_name);
    name_base(container.annotations, has_name ? container.image_name : "", base.manifest_digest);
  }
  container.run_flags = options.run_flags;
  container.format = options.format;
  container.record.config = to_json(container);
  container.record = create_record(container.record, options, named, store);
  // No layer is extracted before a command needs its files.
  const Snapshot base = base_of(container);
  if (!base.layers().empty()) {
    const StackFiles files(base, store, services.roots);
    layers::prepare_upper(*files.find(""), store.container_dir(container.record.id) / "upper");
  }
  return container;
}

WorkingContainer get_container(store::Store& store, std::string_view name) {
  auto record = store.find_container(name);
  if (!record) throw base::Error("{}: container not known", base::printable(name));
  return from_record(std::move(*record));
}

Snapshot base_of(const WorkingContainer& container) {
  std::vector<std::shared_ptr<LayerHandle>> layers;
  for (const image::DiffId& layer : container.record.layers) {
    layers.push_back(LayerHandle::stored(layer));
  }
  return Snapshot(std::move(layers));
}

void edit_container(store::Store& store, std::string_view name,
                    const std::function<void(WorkingContainer&)>& edit) {
  const std::string id = get_container(store, name).record.id;
  const auto lock = store.lock_container(id);
  WorkingContainer container = get_container(store, id);
  edit(container);
  container.record.config = to_json(container);
  store.update_container(container.record);
}

std::vector<WorkingContainer> list_containers(store::Store& store) {
  std::vector<WorkingContainer> containers;
  for (store::Container& record : store.containers()) {
    containers.push_back(from_record(std::move(record)));
  }
  return containers;
}

}  // namespace bld::builder
