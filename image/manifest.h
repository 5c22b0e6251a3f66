// One image: its config and layers (image-spec manifest.md; Docker schema 2). And one name for
// many platforms: the index (image-index.md; Docker's manifest list).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "image/descriptor.h"

namespace bld::image {

struct Manifest {
  MediaType media_type = MediaType::kOciManifest;  // or kDockerManifest
  Descriptor config;
  std::vector<Descriptor> layers;  // lowest first
  std::map<std::string, std::string> annotations;
  std::optional<Descriptor> subject;
  std::string artifact_type;

  // Strict, as ImageConfig::parse; also refuses a document with "manifests".
  static Manifest parse(std::string_view json);
  std::string json() const;  // byte-stable

  bool operator==(const Manifest&) const = default;
};

struct Index {
  MediaType media_type = MediaType::kOciIndex;  // or kDockerManifestList
  std::vector<Descriptor> manifests;
  std::optional<Descriptor> subject;
  std::map<std::string, std::string> annotations;

  static Index parse(std::string_view json);
  std::string json() const;
  Descriptor descriptor() const;  // of json()

  // The image for a platform: the best match, the first of equals; else the first that names no
  // platform. Attestations are passed over.
  std::optional<Descriptor> choose(const Platform& wanted) const;

  bool operator==(const Index&) const = default;
};

}  // namespace bld::image
