// FROM, COPY --from and mount from= that name an image: found in the store, or pulled.
#pragma once

#include <stop_token>
#include <string>

#include "builder/build.h"
#include "builder/plan.h"
#include "image/platform.h"

namespace bld::builder {

// `name` may have a transport in front ("oci:DIR", "docker://NAME"). Follows the request's pull
// policy. An image that is neither here nor there is an Error that names it.
BaseImage resolve_base_image(const std::string& name, const image::Platform& platform,
                             const BuildRequest& request, const Services& services,
                             const std::stop_token& stop);

}  // namespace bld::builder
