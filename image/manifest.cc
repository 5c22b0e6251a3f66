#include "image/manifest.h"

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/json.h"

namespace bld::image {

using base::Json;

namespace {

constexpr std::size_t kMaxLayers = 1000;
constexpr std::size_t kMaxIndexEntries = 10000;

Platform read_platform(const Json& json) {
  return {.os = json.string("os"),
          .architecture = json.string("architecture"),
          .variant = json.string("variant"),
          .os_version = json.string("os.version"),
          .os_features = json.strings("os.features")};
}

Descriptor read_descriptor(const Json& json) {
  Descriptor descriptor;
  const std::string type = json.string("mediaType");
  descriptor.media_type = parse_media_type(type);
  // The text is kept where we would write another one.
  if (media_type_text(descriptor.media_type) != type) descriptor.unknown_media_type = type;
  descriptor.digest = Digest::parse(json.string("digest"));
  const std::int64_t size = json.integer("size");
  if (size < 0) throw base::Error("a size is negative");
  descriptor.size = static_cast<std::uint64_t>(size);
  descriptor.annotations = json.string_map("annotations");
  descriptor.artifact_type = json.string("artifactType");
  if (const Json* platform = json.find("platform")) descriptor.platform = read_platform(*platform);
  return descriptor;
}

std::vector<Descriptor> read_descriptors(const Json& json, std::string_view key,
                                         std::size_t limit) {
  std::vector<Descriptor> descriptors;
  if (const Json* list = json.find(key)) {
    if (list->as_array().size() > limit) throw base::Error("more than {} {}", limit, key);
    for (const Json& entry : list->as_array()) descriptors.push_back(read_descriptor(entry));
  }
  return descriptors;
}

Json write_platform(const Platform& platform) {
  Json json = Json::object();
  json.add("architecture", platform.architecture);
  json.add("os", platform.os);
  if (!platform.os_version.empty()) json.add("os.version", platform.os_version);
  if (!platform.os_features.empty()) json.add("os.features", Json::from(platform.os_features));
  if (!platform.variant.empty()) json.add("variant", platform.variant);
  return json;
}

Json write_descriptor(const Descriptor& descriptor) {
  Json json = Json::object();
  json.add("mediaType", descriptor.unknown_media_type.empty()
                            ? std::string(media_type_text(descriptor.media_type))
                            : descriptor.unknown_media_type);
  json.add("digest", descriptor.digest.str());
  json.add("size", static_cast<std::int64_t>(descriptor.size));
  if (!descriptor.annotations.empty()) json.add("annotations", Json::from(descriptor.annotations));
  if (descriptor.platform) json.add("platform", write_platform(*descriptor.platform));
  if (!descriptor.artifact_type.empty()) json.add("artifactType", descriptor.artifact_type);
  return json;
}

Json write_descriptors(const std::vector<Descriptor>& descriptors) {
  Json json = Json::array();
  for (const Descriptor& descriptor : descriptors) json.push(write_descriptor(descriptor));
  return json;
}

// The type that a document says it has; it may leave that to its Content-Type.
MediaType document_type(const Json& json, MediaType unless_given) {
  if (json.find("schemaVersion") != nullptr && json.integer("schemaVersion") != 2) {
    throw base::Error("schema version {} is not supported", json.integer("schemaVersion"));
  }
  const std::string type = json.string("mediaType");
  return type.empty() ? unless_given : parse_media_type(type);
}

Json begin_document(MediaType type) {
  Json json = Json::object();
  json.add("schemaVersion", 2);
  json.add("mediaType", media_type_text(type));
  return json;
}

}  // namespace

Manifest Manifest::parse(std::string_view text) try {
  const Json json = Json::parse(text);
  if (json.find("manifests") != nullptr) throw base::Error("both layers and manifests");
  Manifest manifest;
  manifest.media_type = document_type(json, MediaType::kOciManifest);
  if (!is_manifest(manifest.media_type)) {
    throw base::Error("\"{}\" is not the media type of an image manifest",
                      json.string("mediaType"));
  }
  const Json* config = json.find("config");
  if (config == nullptr) throw base::Error("\"config\" is missing");
  manifest.config = read_descriptor(*config);
  manifest.layers = read_descriptors(json, "layers", kMaxLayers);
  manifest.annotations = json.string_map("annotations");
  manifest.artifact_type = json.string("artifactType");
  if (const Json* subject = json.find("subject")) manifest.subject = read_descriptor(*subject);
  return manifest;

} catch (base::Error& error) {
  error.add_context("image manifest");
  throw;
}

std::string Manifest::json() const {
  Json json = begin_document(media_type);
  if (!artifact_type.empty()) json.add("artifactType", artifact_type);
  json.add("config", write_descriptor(config));
  json.add("layers", write_descriptors(layers));
  if (subject) json.add("subject", write_descriptor(*subject));
  if (!annotations.empty()) json.add("annotations", Json::from(annotations));
  return json.str();
}

Index Index::parse(std::string_view text) try {
  const Json json = Json::parse(text);
  if (json.find("layers") != nullptr) throw base::Error("both layers and manifests");
  Index index;
  index.media_type = document_type(json, MediaType::kOciIndex);
  if (!is_index(index.media_type)) {
    throw base::Error("\"{}\" is not the media type of an index", json.string("mediaType"));
  }
  index.manifests = read_descriptors(json, "manifests", kMaxIndexEntries);
  index.annotations = json.string_map("annotations");
  if (const Json* subject = json.find("subject")) index.subject = read_descriptor(*subject);
  return index;

} catch (base::Error& error) {
  error.add_context("image index");
  throw;
}

std::string Index::json() const {
  Json json = begin_document(media_type);
  json.add("manifests", write_descriptors(manifests));
  if (subject) json.add("subject", write_descriptor(*subject));
  if (!annotations.empty()) json.add("annotations", Json::from(annotations));
  return json.str();
}

Descriptor Index::descriptor() const {
  const std::string text = json();
  Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = Digest::of(base::as_bytes(text));
  descriptor.size = text.size();
  return descriptor;
}

std::optional<Descriptor> Index::choose(const Platform& wanted) const {
  const Descriptor* best = nullptr;
  int best_match = 0;
  for (const Descriptor& candidate : manifests) {
    if (!is_manifest(candidate.media_type) || !candidate.platform) continue;
    const int how_well = match(*candidate.platform, wanted);
    if (how_well > best_match) {
      best = &candidate;
      best_match = how_well;
    }
  }
  if (best != nullptr) return *best;
  // An image for which no platform is given may be for any.
  for (const Descriptor& candidate : manifests) {
    if (is_manifest(candidate.media_type) && !candidate.platform &&
        !candidate.annotations.contains("vnd.docker.reference.type")) {
      return candidate;
    }
  }
  return std::nullopt;
}

}  // namespace bld::image
