// Graph and cache to snapshots: ready steps run at the same time, hits are skipped, the first
// error stops the rest.
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/build.h"
#include "builder/context.h"
#include "builder/shared_cache.h"
#include "builder/snapshot.h"
#include "builder/step.h"

namespace bld::builder {

// What steps need besides the graph. Referred to, not owned.
struct Surroundings {
  const BuildRequest& request;
  const Services& services;
  const std::map<std::string, Context>& contexts;  // "" is the main one
  FileDigests& digests;
  SharedCache& shared;
};

// The file systems of the target and of all that it stands on, by NodeId; those of steps that were
// not needed are empty. Records of steps that were done are in the store on return, also when
// another step failed (then its Error is thrown) or `stop` was asked for.
std::vector<Snapshot> execute(const Plan& plan, const Surroundings& surroundings,
                              std::stop_token stop);

}  // namespace bld::builder
