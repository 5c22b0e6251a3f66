#include "builder/base_images.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "registry/copy_image.h"
#include "registry/registries_conf.h"

namespace bld::builder {

namespace {

using registry::Location;

constexpr std::string_view kOwnStore = "containers-storage:";

BaseImage from_store(store::Store& store, const store::ImageRecord& record,
                     const std::string& name) {
  BaseImage base;
  base.config = store.read_config(record.config_digest);
  base.name = name;
  base.manifest_digest = record.manifest_digest.str();
  base.image_id = record.id();
  return base;
}

struct LocalImage {
  store::ImageRecord record;
  std::string name;  // in full
};

// The name by which it was found; of an ID, any name, or itself.
std::string shown_name(const store::ImageRecord& record, const std::string& name,
                       const std::vector<image::Reference>& candidates) {
  std::vector<std::string> possible = {
      image::Reference::parse_local(name).with_default_tag().str()};
  for (const image::Reference& candidate : candidates) possible.push_back(candidate.str());
  for (const std::string& text : possible) {
    if (std::find(record.names.begin(), record.names.end(), text) != record.names.end())
      return text;
  }
  return record.names.empty() ? possible[1] : record.names.front();
}

// An image of another platform than the one asked for does not count as being here; `other` is told
// of its platform.
std::optional<LocalImage> find_local(store::Store& store, const std::string& name,
                                     const std::vector<image::Reference>& candidates,
                                     const image::Platform& platform,
                                     std::string* other = nullptr) {
  const auto fits = [&](const store::ImageRecord& record) {
    const image::Platform offered = store.read_config(record.config_digest).platform;
    if (offered.architecture.empty() || image::match(offered, platform) != 0) return true;
    if (other != nullptr) *other = offered.str();
    return false;
  };
  const auto known = store.find_image(name);
  if (known && fits(*known)) return LocalImage{*known, shown_name(*known, name, candidates)};
  for (const image::Reference& candidate : candidates) {
    const auto record = store.find_image(candidate);
    if (record && fits(*record)) return LocalImage{*record, candidate.str()};
  }
  return std::nullopt;
}

std::string hint_of_platform(const std::string& offered, const image::Platform& wanted) {
  return fmt::format("the image of this name that is here is of {}, and {} is asked for", offered,
                     wanted.str());
}

Location registry_location(const image::Reference& reference) {
  if (reference.registry() == "localhost") {
    base::Error error("{}: image not known", reference.str());
    error.hint(
        "localhost/ names images of this machine: build it first, or say whose it is with "
        "containers-storage: (podman, buildah) or docker-daemon:");
    throw error;
  }
  return {.kind = registry::TransportKind::kDocker, .path = {}, .reference = reference.str()};
}

// Whether the registry has another image under this name than the store.
bool is_newer(const LocalImage& local, const Location& location, const ImageLookup& lookup) {
  return registry::resolve(location, lookup.connection, lookup.platform) !=
         local.record.manifest_digest;
}

// From the first place that has it.
BaseImage pull(const std::vector<Location>& places, const ImageLookup& lookup, store::Store& store,
               base::EventSink& events, const std::stop_token& stop) {
  for (std::size_t i = 0;; ++i) {
    const Location& place = places[i];
    if (place.kind == registry::TransportKind::kDocker) {
      events.send(base::Note{"Trying to pull " + place.reference + "..."});
    }
    registry::PullOptions options;
    options.connection = lookup.connection;
    options.platform = lookup.platform;
    options.extract = lookup.use == BaseUse::kFiles ? store::Extract::kYes : store::Extract::kNo;
    try {
      const registry::PulledImage pulled = registry::pull(store, place, options, events, stop);
      return from_store(store, pulled.record, pulled.names.empty() ? "" : pulled.names.front());
    } catch (const base::Error& error) {
      if (i + 1 == places.size() || stop.stop_requested()) throw;
      events.send(base::Warning{error.message(), std::nullopt});
    }
  }
}

}  // namespace

BaseImage resolve_base_image(const std::string& name, const ImageLookup& lookup,
                             store::Store& store, base::EventSink& events,
                             const std::stop_token& stop) {
  // The storage that Buildah means is where its images are: here that is our store, and then that
  // of others.
  const bool is_own =
      name.starts_with(kOwnStore) && !name.starts_with(std::string(kOwnStore) + "[");
  if (is_own && lookup.pull != PullPolicy::kAlways) {
    const std::string image = name.substr(kOwnStore.size());
    const auto candidates = registry::RegistriesConf::load().candidates(image);
    if (const auto local = find_local(store, image, candidates, lookup.platform)) {
      return from_store(store, local->record, local->name);
    }
    if (lookup.pull == PullPolicy::kNever) {
      throw base::Error("{}: image not known", base::printable(name))
          .hint("--pull=never forbids to fetch it");
    }
  }
  if (const auto location = registry::parse_location(name)) {
    if (location->kind != registry::TransportKind::kDocker) {
      return pull({*location}, lookup, store, events, stop);
    }
    return resolve_base_image(location->reference, lookup, store, events, stop);
  }
  const auto candidates = registry::RegistriesConf::load().candidates(name);
  std::string other;
  const auto local = find_local(store, name, candidates, lookup.platform, &other);
  const auto places = [&] {
    std::vector<Location> all;
    for (const auto& candidate : candidates) all.push_back(registry_location(candidate));
    return all;
  };
  if (lookup.pull == PullPolicy::kNever && !local) {
    throw base::Error("{}: image not known", base::printable(name))
        .hint(other.empty() ? "--pull=never forbids to fetch it"
                            : hint_of_platform(other, lookup.platform));
  }
  const bool is_good =
      local && (lookup.pull == PullPolicy::kNever || lookup.pull == PullPolicy::kMissing ||
                (lookup.pull == PullPolicy::kNewer && !is_newer(*local, places().front(), lookup)));
  if (is_good) return from_store(store, local->record, local->name);
  try {
    return pull(places(), lookup, store, events, stop);
  } catch (base::Error& error) {
    if (!other.empty()) error.hint(hint_of_platform(other, lookup.platform));
    throw;
  }
}

}  // namespace bld::builder
