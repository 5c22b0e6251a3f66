// The only way in which one thing points to another (image-spec descriptor.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "image/digest.h"
#include "image/media_type.h"
#include "image/platform.h"

namespace bld::image {

struct Descriptor {
  MediaType media_type = MediaType::kUnknown;
  Digest digest;
  std::uint64_t size = 0;  // bytes
  std::map<std::string, std::string> annotations;
  std::optional<Platform> platform;  // in an index
  std::string artifact_type;
  // The text of a media type that is kUnknown: kept when written again.
  std::string unknown_media_type;

  bool operator==(const Descriptor&) const = default;
};

}  // namespace bld::image
