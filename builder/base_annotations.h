// What an image says of the one that it stands on, and takes over from it, in its annotations.
#pragma once

#include <map>
#include <string>

#include "store/store.h"

namespace bld::builder {

using Annotations = std::map<std::string, std::string>;

inline constexpr const char* kCreatedAnnotation = "org.opencontainers.image.created";

// Those of the manifest `digest` without what is only true of it: its time, and its own base.
Annotations inherited_annotations(const std::string& digest, store::Store& store);

// org.opencontainers.image.base.name and .base.digest, as far as there is one.
void name_base(Annotations& annotations, const std::string& name, const std::string& digest);

}  // namespace bld::builder
