// A finished image to the places outside of the store that were asked for.
#pragma once

#include <optional>
#include <stop_token>

#include "builder/build.h"
#include "builder/build_request.h"
#include "builder/snapshot.h"
#include "image/descriptor.h"
#include "image/manifest.h"
#include "store/records.h"

namespace bld::builder {

// All outputs of the request, one after the other. Archives are there whole or not at all; of a
// directory that fails a part may be there. Returns the manifest as it was written last to a
// registry; nothing: to none.
std::optional<image::Descriptor> export_image(const store::ImageRecord& image,
                                              const BuildRequest& request, const Services& services,
                                              const std::stop_token& stop);

// The same for the images of several platforms, once each of them was exported by itself: to what
// holds an index (check_index_outputs() in platforms.h).
std::optional<image::Descriptor> export_index(const image::Index& index, const BuildRequest& asked,
                                              const Services& services,
                                              const std::stop_token& stop);

}  // namespace bld::builder
