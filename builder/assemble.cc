#include "builder/assemble.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "builder/base_annotations.h"
#include "builder/version.h"

namespace bld::builder {

namespace {

std::string creation_time(const BuildRequest& request) {
  return image::format_time(
      std::chrono::sys_seconds(std::chrono::seconds(request.timestamp.value_or(0))));
}

void apply_request(image::ImageConfig& config, const BuildRequest& request) {
  config.created = creation_time(request);
  for (const std::string& name : request.unset_env) {
    std::erase_if(config.config.env,
                  [&](const std::string& entry) { return entry.starts_with(name + "="); });
  }
  for (const std::string& name : request.unset_labels) config.config.labels.erase(name);
  for (const auto& [name, value] : request.labels) config.config.labels[name] = value;
  if (request.identity_label) config.config.labels["io.bld.version"] = kVersion;
  if (!request.os_version.empty()) config.platform.os_version = request.os_version;
  auto& features = config.platform.os_features;
  for (const std::string& feature : request.os_features) {
    const bool is_removed = feature.ends_with('-');
    const std::string name = is_removed ? feature.substr(0, feature.size() - 1) : feature;
    std::erase(features, name);
    if (!is_removed) features.push_back(name);
  }
}

// What only Docker's format knows.
void apply_format(image::ImageConfig& config, const Plan& plan, const BuildRequest& request,
                  store::Store& store) {
  config.parent.clear();
  if (request.format == ImageFormat::kOci) {
    config.comment.clear();
    config.config.hostname.clear();
    config.config.domainname.clear();
  } else if (!request.squash && !plan.base_digest.empty()) {
    const image::Digest base = image::Digest::parse(plan.base_digest);
    config.parent = store.read_manifest(base).config.digest.str();
  }
}

// What the manifest says besides its content. Docker's has no place for it.
Annotations annotations_of(const Plan& plan, const BuildRequest& request, store::Store& store) {
  Annotations annotations;
  if (request.format == ImageFormat::kDocker) return annotations;
  if (request.inherit_annotations && !plan.base_digest.empty()) {
    annotations = inherited_annotations(plan.base_digest, store);
  }
  if (!plan.base_name.empty()) name_base(annotations, plan.base_name, plan.base_digest);
  if (request.created_annotation.value_or(request.timestamp.has_value())) {
    annotations[kCreatedAnnotation] = creation_time(request);
  }
  for (const std::string& name : request.unset_annotations) annotations.erase(name);
  for (const auto& [name, value] : request.annotations) annotations[name] = value;
  return annotations;
}

std::vector<image::History> new_history(const Plan& plan, const AssembledLayers& layers,
                                        const BuildRequest& request) {
  std::vector<image::History> history;
  for (std::size_t i = 0; i < plan.history.size(); ++i) {
    history.push_back({.created = creation_time(request),
                       .created_by = plan.history[i].created_by,
                       .author = plan.config.author,
                       .comment = plan.history[i].comment,
                       .empty_layer = !layers.made_layer.at(i)});
  }
  return history;
}

// A layer of one image made of several steps: the last entry that could have made it did.
void history_for(image::ImageConfig& config, const Plan& plan, const AssembledLayers& layers,
                 const BuildRequest& request) {
  config.history.clear();
  if (request.omit_history) return;
  const auto added = new_history(plan, layers, request);
  if (!request.squash) config.history = plan.config.history;
  config.history.insert(config.history.end(), added.begin(), added.end());
}

image::MediaType layer_type(image::MediaType stored, ImageFormat format) {
  if (format == ImageFormat::kOci) {
    if (stored == image::MediaType::kDockerLayerTar) return image::MediaType::kOciLayerTar;
    if (stored == image::MediaType::kDockerLayerGzip) return image::MediaType::kOciLayerGzip;
    return stored;
  }
  if (stored == image::MediaType::kOciLayerTar) return image::MediaType::kDockerLayerTar;
  if (stored == image::MediaType::kOciLayerGzip) return image::MediaType::kDockerLayerGzip;
  return stored;
}

bool is_compressed(const image::Descriptor& blob) {
  return blob.media_type != image::MediaType::kOciLayerTar &&
         blob.media_type != image::MediaType::kDockerLayerTar;
}

// How the manifest names a layer: by the compressed blob that a registry gave, so that it is passed
// on as it is; else by its tar, whose digest is the diffID.
image::Descriptor layer_descriptor(const store::Layer& layer, bool is_base, ImageFormat format) {
  image::Descriptor descriptor;
  descriptor.media_type = image::MediaType::kOciLayerTar;
  descriptor.digest = layer.diff_id.digest;
  descriptor.size = layer.tar_size_bytes;
  const auto compressed = std::find_if(layer.blobs.begin(), layer.blobs.end(), is_compressed);
  const bool docker_zstd = format == ImageFormat::kDocker && compressed != layer.blobs.end() &&
                           compressed->media_type == image::MediaType::kOciLayerZstd;
  if (is_base && compressed != layer.blobs.end() && !docker_zstd) descriptor = *compressed;
  descriptor.media_type = layer_type(descriptor.media_type, format);
  return descriptor;
}

image::Manifest make_manifest(const image::ImageConfig& config, std::size_t base_layers,
                              const Plan& plan, const BuildRequest& request, store::Store& store) {
  image::Manifest manifest;
  const bool is_docker = request.format == ImageFormat::kDocker;
  manifest.media_type =
      is_docker ? image::MediaType::kDockerManifest : image::MediaType::kOciManifest;
  for (std::size_t i = 0; i < config.diff_ids.size(); ++i) {
    const auto layer = store.find_layer(config.diff_ids[i]);
    if (!layer) throw base::Error("layer {} is gone", config.diff_ids[i].digest.str());
    manifest.layers.push_back(layer_descriptor(*layer, i < base_layers, request.format));
  }
  manifest.annotations = annotations_of(plan, request, store);
  return manifest;
}

image::Descriptor put_text(store::Transaction& transaction, const std::string& text,
                           image::MediaType type) {
  base::MemorySource source(text);
  return transaction.put_blob(source, type);
}

}  // namespace

image::Descriptor put_image(store::Transaction& transaction, const image::ImageConfig& config,
                            image::Manifest& manifest) {
  const bool is_docker = manifest.media_type == image::MediaType::kDockerManifest;
  manifest.config =
      put_text(transaction, config.json(),
               is_docker ? image::MediaType::kDockerConfig : image::MediaType::kOciConfig);
  const image::Descriptor stored = put_text(transaction, manifest.json(), manifest.media_type);
  transaction.record_image(stored, manifest.config);
  return stored;
}

BuildResult assemble(const Plan& plan, const AssembledLayers& layers, const BuildRequest& request,
                     store::Store& store) {
  image::ImageConfig config = plan.config;
  const std::size_t base_layers = plan.config.diff_ids.size();
  config.diff_ids = layers.layers;
  apply_request(config, request);
  apply_format(config, plan, request, store);
  history_for(config, plan, layers, request);

  store::Transaction transaction = store.begin();
  image::Manifest manifest =
      make_manifest(config, request.squash ? 0 : base_layers, plan, request, store);
  const image::Descriptor stored = put_image(transaction, config, manifest);
  for (const image::Reference& tag : request.tags) transaction.name_image(tag, stored.digest);
  std::move(transaction).commit();
  return {manifest.config.digest, stored, plan.unused_build_args};
}

}  // namespace bld::builder
