#include "builder/base_images.h"

#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "registry/copy_image.h"

namespace bld::builder {

namespace {

using registry::Location;

BaseImage from_store(store::Store& store, const store::ImageRecord& record,
                     const std::string& name) {
  BaseImage base;
  base.config = store.read_config(record.config_digest);
  base.name = name;
  base.manifest_digest = record.manifest_digest.str();
  base.image_id = record.id();
  return base;
}

// An image of another platform than the one asked for does not count as being here.
std::optional<store::ImageRecord> find_local(store::Store& store, const std::string& name,
                                             const image::Platform& platform) {
  auto record = store.find_image(name);
  if (!record) return std::nullopt;
  const image::Platform offered = store.read_config(record->config_digest).platform;
  if (!offered.architecture.empty() && image::match(offered, platform) == 0) return std::nullopt;
  return record;
}

Location registry_location(const std::string& name) {
  const image::Reference reference = image::Reference::parse(name).with_default_tag();
  if (reference.registry() == "localhost") {
    base::Error error("{}: image not known", reference.str());
    error.hint("localhost/ names images of this machine: build or pull it first");
    throw error;
  }
  return {.kind = registry::TransportKind::kDocker, .path = {}, .reference = reference.str()};
}

// Whether the registry has another image under this name than the store.
bool is_newer(const store::ImageRecord& local, const Location& location,
              const BuildRequest& request, const image::Platform& platform) {
  return registry::resolve(location, request.connection, platform) != local.manifest_digest;
}

}  // namespace

BaseImage resolve_base_image(const std::string& name, const image::Platform& platform,
                             const BuildRequest& request, const Services& services,
                             const std::stop_token& stop) {
  store::Store& store = services.store;
  const auto pull = [&](const Location& location) {
    services.events.send(base::Note{"Trying to pull " + location.str() + "..."});
    registry::PullOptions options;
    options.connection = request.connection;
    options.platform = platform;
    return registry::pull(store, location, options, services.events, stop);
  };
  if (const auto location = registry::parse_location(name)) {
    if (location->kind != registry::TransportKind::kDocker) {
      return from_store(store, pull(*location), "");
    }
    return resolve_base_image(location->reference, platform, request, services, stop);
  }
  const auto local = find_local(store, name, platform);
  const auto full_name = [&] { return image::Reference::parse(name).with_default_tag().str(); };
  switch (request.pull) {
    case PullPolicy::kNever:
      if (!local) {
        base::Error error("{}: image not known", base::printable(name));
        error.hint("--pull=never forbids to fetch it");
        throw error;
      }
      return from_store(store, *local, full_name());
    case PullPolicy::kMissing:
      if (local) return from_store(store, *local, full_name());
      break;
    case PullPolicy::kNewer:
      if (local && !is_newer(*local, registry_location(name), request, platform)) {
        return from_store(store, *local, full_name());
      }
      break;
    case PullPolicy::kAlways:
      break;
  }
  return from_store(store, pull(registry_location(name)), full_name());
}

}  // namespace bld::builder
