// Where the sources of one step's mounts are.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/build.h"
#include "builder/context.h"
#include "builder/snapshot.h"
#include "runtime/container_spec.h"

namespace bld::builder {

struct MountSources {
  const BuildRequest& request;
  const Services& services;
  const std::map<std::string, Context>& contexts;
  const std::vector<Snapshot>& inputs;  // of the step
  const runtime::OverlayRoot& root;     // what the command finds as its root
  std::function<runtime::User()> user;  // whose command it is; asked for when an option needs it
  std::stop_token stop;                 // ends the wait for a cache
};

// What the ignore file leaves of a part of the context, as a directory of its own. `subpath`
// becomes where the part is in there.
std::filesystem::path filtered_copy(const Context& context, const std::string& source,
                                    std::string& subpath, store::Store& store);

// A folder of these trees as a directory of its own, with owners and all.
std::filesystem::path copy_of_folder(const std::vector<std::filesystem::path>& trees,
                                     const std::string& folder, const Services& services);

}  // namespace bld::builder
