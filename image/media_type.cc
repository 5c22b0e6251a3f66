#include "image/media_type.h"

#include <array>
#include <utility>

namespace bld::image {

namespace {

constexpr std::array<std::pair<MediaType, std::string_view>, 12> kTexts = {{
    {MediaType::kOciIndex, "application/vnd.oci.image.index.v1+json"},
    {MediaType::kOciManifest, "application/vnd.oci.image.manifest.v1+json"},
    {MediaType::kOciConfig, "application/vnd.oci.image.config.v1+json"},
    {MediaType::kOciLayerTar, "application/vnd.oci.image.layer.v1.tar"},
    {MediaType::kOciLayerGzip, "application/vnd.oci.image.layer.v1.tar+gzip"},
    {MediaType::kOciLayerZstd, "application/vnd.oci.image.layer.v1.tar+zstd"},
    {MediaType::kOciEmpty, "application/vnd.oci.empty.v1+json"},
    {MediaType::kDockerManifestList, "application/vnd.docker.distribution.manifest.list.v2+json"},
    {MediaType::kDockerManifest, "application/vnd.docker.distribution.manifest.v2+json"},
    {MediaType::kDockerConfig, "application/vnd.docker.container.image.v1+json"},
    {MediaType::kDockerLayerTar, "application/vnd.docker.image.rootfs.diff.tar"},
    {MediaType::kDockerLayerGzip, "application/vnd.docker.image.rootfs.diff.tar.gzip"},
}};

// Layers that registries may refuse to hold; their content is that of ordinary ones.
constexpr std::array<std::pair<MediaType, std::string_view>, 5> kNonDistributable = {{
    {MediaType::kOciLayerTar, "application/vnd.oci.image.layer.nondistributable.v1.tar"},
    {MediaType::kOciLayerGzip, "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"},
    {MediaType::kOciLayerZstd, "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"},
    {MediaType::kDockerLayerTar, "application/vnd.docker.image.rootfs.foreign.diff.tar"},
    {MediaType::kDockerLayerGzip, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"},
}};

}  // namespace

std::string_view media_type_text(MediaType type) {
  for (const auto& [known, text] : kTexts) {
    if (known == type) return text;
  }
  return "";
}

MediaType parse_media_type(std::string_view text) {
  for (const auto& [type, known] : kTexts) {
    if (known == text) return type;
  }
  for (const auto& [type, known] : kNonDistributable) {
    if (known == text) return type;
  }
  return MediaType::kUnknown;
}

bool is_layer(MediaType type) {
  switch (type) {
    case MediaType::kOciLayerTar:
    case MediaType::kOciLayerGzip:
    case MediaType::kOciLayerZstd:
    case MediaType::kDockerLayerTar:
    case MediaType::kDockerLayerGzip:
      return true;
    default:
      return false;
  }
}

bool is_manifest(MediaType type) {
  return type == MediaType::kOciManifest || type == MediaType::kDockerManifest;
}

bool is_index(MediaType type) {
  return type == MediaType::kOciIndex || type == MediaType::kDockerManifestList;
}

}  // namespace bld::image
