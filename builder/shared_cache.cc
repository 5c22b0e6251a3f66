#include "builder/shared_cache.h"

#include <chrono>
#include <future>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "builder/assemble.h"
#include "image/image_config.h"
#include "image/manifest.h"
#include "registry/copy_image.h"
#include "registry/image_endpoint.h"

namespace bld::builder {

namespace {

constexpr const char* kContentKey = "io.bld.step.content-key";
constexpr const char* kLayer = "io.bld.step.layer";
constexpr const char* kCreated = "io.bld.step.created";

constexpr unsigned kPublishers = 4;

registry::Location place_of(registry::Location repository, const std::string& key) {
  const bool is_registry = repository.kind == registry::TransportKind::kDocker;
  repository.reference = is_registry ? repository.reference + ":" + key : key;
  return repository;
}

// What a repository says is not believed further than it can be checked: a layer that does not have
// this digest does not come into the store.
store::StepRecord read_step(const std::string& key, const std::string& text) {
  const image::Manifest manifest = image::Manifest::parse(text);
  const auto said = [&](const char* name) {
    const auto found = manifest.annotations.find(name);
    return found == manifest.annotations.end() ? std::string() : found->second;
  };
  const auto created = base::parse_unsigned(said(kCreated));
  if (!created) throw base::Error("{} is no step of a build", key);
  store::StepRecord step;
  step.key = key;
  step.content_key = said(kContentKey);
  step.created_at = store::Time(std::chrono::seconds(*created));
  if (!said(kLayer).empty()) step.layer = image::DiffId{image::Digest::parse(said(kLayer))};
  return step;
}

// The image that tells of the step. It is in the store for as long as it takes to push it.
store::ImageRecord make_image(const store::StepRecord& step, store::Store& store) {
  image::ImageConfig config;
  config.platform = image::Platform::host();
  image::Manifest manifest;
  manifest.media_type = image::MediaType::kOciManifest;
  manifest.annotations[kCreated] = std::to_string(step.created_at.time_since_epoch().count());
  manifest.annotations[kContentKey] = step.content_key;
  if (step.layer) {
    const auto layer = store.find_layer(*step.layer);
    if (!layer) throw base::Error("layer {} is gone", step.layer->digest.str());
    config.diff_ids = {*step.layer};
    image::Descriptor tar;
    tar.media_type = image::MediaType::kOciLayerTar;
    tar.digest = step.layer->digest;
    tar.size = layer->tar_size_bytes;
    manifest.layers = {tar};
    manifest.annotations[kLayer] = step.layer->digest.str();
  }
  store::Transaction transaction = store.begin();
  const image::Descriptor stored = put_image(transaction, config, manifest);
  std::move(transaction).commit();
  return store.get_image(store::exact_name(stored.digest));
}

// Another build may have made the same one, and be rid of it already.
void forget_image(const store::ImageRecord& image, store::Store& store) {
  if (!store.find_image(image.exact_name())) return;
  store.remove_image(image.exact_name(), store::Store::Force::kNo);
}

}  // namespace

SharedCache::SharedCache(const BuildRequest& request, const Services& services,
                         std::stop_token stop)
    : request_(request), services_(services), stop_(std::move(stop)) {}

// Nothing where the place has no such image.
std::optional<std::string> SharedCache::manifest_at(const registry::Location& place) const try {
  return registry::read_document(place, request_.connection, services_.store, stop_);

} catch (const registry::NotFound&) {
  return std::nullopt;
}

std::optional<SharedStep> SharedCache::find(const std::string& key) {
  for (const registry::Location& repository : request_.cache_from) {
    if (silent_.contains(repository.str())) continue;
    const registry::Location place = place_of(repository, key);
    try {
      if (const auto text = manifest_at(place)) return SharedStep{read_step(key, *text), place};
    } catch (const base::Error& error) {
      if (stop_.stop_requested()) throw;
      silent_.insert(repository.str());
      services_.events.send(base::Warning{
          fmt::format("--cache-from {} is not used: {}", repository.str(), error.what()),
          std::nullopt});
    }
  }
  return std::nullopt;
}

void SharedCache::bring(const SharedStep& step) const try {
  store::Store& store = services_.store;
  if (step.record.layer) {
    registry::PullOptions options;
    options.connection = request_.connection;
    registry::pull_layers(store, step.place, options, services_.events, stop_);
    if (!store.find_layer(*step.record.layer)) {
      throw base::Error("{} has another layer than it says", step.place.str());
    }
  }
  store.put_steps(std::span(&step.record, 1));

} catch (base::Error& error) {
  error.hint("without --cache-from the step is done here");
  throw;
}

void SharedCache::publish(const std::vector<std::string>& keys) const {
  if (request_.cache_to.empty()) return;
  base::ThreadPool publishers(kPublishers);
  std::vector<std::future<void>> all;
  for (const std::string& key : keys) {
    const auto step = services_.store.find_step(key);
    if (!step) continue;
    for (const registry::Location& repository : request_.cache_to) {
      all.push_back(publishers.submit(
          [this, step = *step, place = place_of(repository, key)] { publish(step, place); }));
    }
  }
  for (std::future<void>& one : all) one.get();
}

void SharedCache::publish(const store::StepRecord& step, const registry::Location& place) const
    try {
  if (stop_.stop_requested() || manifest_at(place)) return;
  const store::ImageRecord image = make_image(step, services_.store);
  registry::PushOptions options;
  options.connection = request_.connection;
  registry::push(services_.store, image, place, options, services_.events, stop_);
  forget_image(image, services_.store);

} catch (base::Error& error) {
  error.add_context("--cache-to");
  throw;
}

}  // namespace bld::builder
