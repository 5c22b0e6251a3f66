// The media types that image manifests name (image-spec media-types.md; Docker's schema 2 twins).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bld::image {

enum class MediaType {
  kUnknown,
  kOciIndex,
  kOciManifest,
  kOciConfig,
  kOciLayerTar,
  kOciLayerGzip,
  kOciLayerZstd,
  kOciEmpty,
  kDockerManifestList,
  kDockerManifest,
  kDockerConfig,
  kDockerLayerTar,
  kDockerLayerGzip,
};

// "application/vnd.oci.image.manifest.v1+json"; kUnknown has no text.
std::string_view media_type_text(MediaType type);
// Known types, also the non-distributable layers' (as their ordinary twins); else kUnknown.
MediaType parse_media_type(std::string_view text);

bool is_layer(MediaType type);
bool is_manifest(MediaType type);  // of one image
bool is_index(MediaType type);

}  // namespace bld::image
