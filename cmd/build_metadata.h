// What --metadata-file tells of a finished build.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "image/descriptor.h"
#include "image/digest.h"
#include "image/reference.h"

namespace bld::cmd {

// A JSON document with the keys that BuildKit's clients use, and a newline at its end:
// containerimage.digest, containerimage.descriptor and, where there are names, image.name
// (separated by commas); of one image also containerimage.config.digest, which the index of several
// has not.
std::string build_metadata(const std::vector<image::Reference>& names,
                           const image::Descriptor& manifest,
                           const std::optional<image::Digest>& image_id);

}  // namespace bld::cmd
