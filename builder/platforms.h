// A build for several platforms: what is the same for all of them, and what each of them gets.
#pragma once

#include <stop_token>
#include <vector>

#include "builder/build.h"
#include "builder/build_request.h"
#include "image/manifest.h"
#include "image/platform.h"

namespace bld::builder {

// --all-platforms: those for which all base images exist that depend on the target's platform.
// An Error where there are none to say so.
std::vector<image::Platform> base_platforms(const BuildRequest& request, const Services& services,
                                            const std::stop_token& stop);

// One of several: without names, since the index has them, and with the outputs that each platform
// has for itself: of a directory, the folder OS_ARCH[_VARIANT] in it.
BuildRequest for_platform(const BuildRequest& asked, const image::Platform& platform);

// An image that takes the place of one for the same platform.
void put_image(image::Index& index, const BuildResult& image, store::Store& store);

// Throws for an output that can neither hold an index, as registries and OCI layouts do, nor have a
// part for each image.
void check_index_outputs(const BuildRequest& asked);

}  // namespace bld::builder
