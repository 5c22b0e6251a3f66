// From a request to an image.
#pragma once

#include <stop_token>

#include "base/events.h"
#include "builder/build_request.h"
#include "builder/roots.h"
#include "runtime/launcher.h"
#include "store/store.h"

namespace bld::builder {

// What a build works with; owned by the caller and alive until build() returned.
struct Services {
  store::Store& store;
  runtime::ContainerRunner& containers;
  Roots& roots;
  base::EventSink& events;
};

// Builds the target and names it. Steps that were already done are taken from the store's step
// cache; independent steps run at the same time. On failure nothing becomes visible but the
// results of steps that succeeded, as cache. A failing RUN is an Error with the command's exit
// status as exit_status(), and the position of the instruction.
BuildResult build(const BuildRequest& request, const Services& services, std::stop_token stop);

}  // namespace bld::builder
