// Something that has a manifest and blobs, from one place to another as it is.
#pragma once

#include <stop_token>
#include <string>

#include "registry/image_endpoint.h"

namespace bld::registry {

// All sizes and digests are verified. The type of the manifest's config has to be `config_type`:
// else nothing is written, and the Error says so. Returns the manifest's descriptor.
image::Descriptor copy_artifact(ImageSource& from, ImageSink& to, const std::string& config_type,
                                const std::stop_token& stop);

}  // namespace bld::registry
