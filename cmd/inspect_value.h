// An image or a working container as `bld inspect` shows it: Buildah's object.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "cmd/go_value.h"
#include "store/store.h"

namespace bld::cmd {

// What a container adds to the image that it was made from.
struct InspectedContainer {
  std::string name, id;
  std::string created_by;
  std::map<std::string, std::string> annotations;
};

// `image_name` is what FromImage shows.
Value inspect_value(store::Store& store, const std::optional<store::ImageRecord>& image,
                    const std::string& image_name, const InspectedContainer& container,
                    const image::ImageConfig& config);

}  // namespace bld::cmd
