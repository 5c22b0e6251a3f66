// What --metadata-file tells of a finished build.
#pragma once

#include <string>

#include "builder/build_request.h"

namespace bld::cmd {

// A JSON document with the keys that BuildKit's clients use, and a newline at its end:
// containerimage.digest, containerimage.config.digest, containerimage.descriptor and, where the
// image has names, image.name (separated by commas).
std::string build_metadata(const builder::BuildRequest& request,
                           const builder::BuildResult& result);

}  // namespace bld::cmd
