// FROM, COPY --from and mount from= that name an image: found in the store, or pulled.
#pragma once

#include <stop_token>
#include <string>

#include "base/events.h"
#include "builder/build_request.h"
#include "builder/plan.h"
#include "image/platform.h"
#include "store/store.h"

namespace bld::builder {

struct ImageLookup {
  image::Platform platform;
  PullPolicy pull = PullPolicy::kMissing;
  registry::ConnectionOptions connection = {};
  BaseUse use = BaseUse::kLayers;
};

// `name` may have a transport in front ("oci:DIR", "docker://NAME"); a short name is looked for
// here and then where registries.conf says. An image that is neither here nor there is an Error
// that names it.
BaseImage resolve_base_image(const std::string& name, const ImageLookup& lookup,
                             store::Store& store, base::EventSink& events,
                             const std::stop_token& stop);

}  // namespace bld::builder
