#include "builder/base_images.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "image/manifest.h"
#include "registry/copy_image.h"
#include "registry/other_stores.h"
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

// The name by which it was found; of an ID, any name, or its beginning.
std::string shown_name(const store::ImageRecord& record, const std::string& name,
                       const std::vector<image::Reference>& candidates) {
  std::vector<std::string> possible = {
      image::Reference::parse_local(name).with_default_tag().str()};
  for (const image::Reference& candidate : candidates) possible.push_back(candidate.str());
  for (const std::string& text : possible) {
    if (std::find(record.names.begin(), record.names.end(), text) != record.names.end())
      return text;
  }
  return record.names.empty() ? record.id().substr(0, 12) : record.names.front();
}

// Of a manifest list, its image for the platform.
std::optional<LocalImage> find_in_list(store::Store& store, const std::string& name,
                                       const image::Platform& platform) {
  const auto list = store.find_list(name);
  if (!list) return std::nullopt;
  const auto entry = image::Index::parse(list->document).choose(platform);
  if (!entry) return std::nullopt;
  const auto record = store.find_image(store::exact_name(entry->digest));
  if (!record) return std::nullopt;
  return LocalImage{*record, list->name};
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
  if (auto of_list = find_in_list(store, name, platform)) return of_list;
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

// No registry has the images of localhost/, but podman or buildah may have made them.
std::optional<Location> place_in_other_store(const image::Reference& reference,
                                             const std::stop_token& stop) {
  if (reference.registry() != "localhost" || !registry::is_in_containers_storage(reference, stop)) {
    return std::nullopt;
  }
  return Location{.kind = registry::TransportKind::kContainersStorage,
                  .path = {},
                  .reference = reference.str()};
}

[[noreturn]] void refuse_unknown(const image::Reference& reference, const ImageLookup& lookup,
                                 store::Store& store) {
  if (const auto other = store.find_image(reference)) {
    const image::Platform offered = store.read_config(other->config_digest).platform;
    if (image::match(offered, lookup.platform) == 0) {
      throw base::Error("{}: the image of this name is for {}, not for {}", reference.str(),
                        offered.str(), lookup.platform.str());
    }
    throw base::Error("{}: no registry has an image of localhost/", reference.str());
  }
  throw base::Error("{}: image not known", reference.str())
      .hint(
          "localhost/ names images of this machine: neither bld nor podman or buildah have this "
          "one; build it first, or say docker-daemon: if it is docker's");
}

// Where an image that is not here, or is to be fetched anew, may come from; never empty.
std::vector<Location> places_of(const std::string& name,
                                const std::vector<image::Reference>& candidates,
                                const ImageLookup& lookup, store::Store& store,
                                const std::stop_token& stop) {
  const image::Reference made_here = image::Reference::parse_local(name).with_default_tag();
  if (const auto other = place_in_other_store(made_here, stop)) return {*other};
  std::vector<Location> places;
  for (const image::Reference& candidate : candidates) {
    if (candidate.registry() == "localhost") refuse_unknown(candidate, lookup, store);
    places.push_back(
        {.kind = registry::TransportKind::kDocker, .path = {}, .reference = candidate.str()});
  }
  return places;
}

// Whether the registry has another image under the name of this one, which was found by `text`. One
// that cannot be asked has none: as in Buildah, what is here is good enough then.
bool is_newer(const LocalImage& local, const std::string& text, const ImageLookup& lookup,
              base::EventSink& events) {
  const bool has_registry = image::Reference::parse(local.name).registry() != "localhost" &&
                            !local.record.id().starts_with(text);
  if (!has_registry) return false;
  const Location location{
      .kind = registry::TransportKind::kDocker, .path = {}, .reference = local.name};
  try {
    return registry::resolve(location, lookup.connection, lookup.platform) !=
           local.record.manifest_digest;
  } catch (const base::Error& error) {
    events.send(base::Warning{
        "the image " + local.name + " of this machine is used: " + error.message(), std::nullopt});
    return false;
  }
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
  const auto registries = registry::RegistriesConf::load();
  const auto candidates = registries.candidates(name);
  std::string other;
  const auto local = find_local(store, name, candidates, lookup.platform, &other);
  if (lookup.pull == PullPolicy::kNever && !local) {
    throw base::Error("{}: image not known", base::printable(name))
        .hint(other.empty() ? "--pull=never forbids to fetch it"
                            : hint_of_platform(other, lookup.platform));
  }
  const bool is_good =
      local && (lookup.pull == PullPolicy::kNever || lookup.pull == PullPolicy::kMissing ||
                (lookup.pull == PullPolicy::kNewer && !is_newer(*local, name, lookup, events)));
  if (is_good) return from_store(store, local->record, local->name);
  const std::vector<Location> places = places_of(name, candidates, lookup, store, stop);
  if (places.front().kind == registry::TransportKind::kDocker) {
    registries.check_short_name(name);
    if (const std::string how = registries.explain(name); !how.empty()) {
      events.send(base::Note{how});
    }
  }
  try {
    return pull(places, lookup, store, events, stop);
  } catch (base::Error& error) {
    if (!other.empty()) error.hint(hint_of_platform(other, lookup.platform));
    throw;
  }
}

}  // namespace bld::builder
