// --manifest: what a build makes becomes part of a manifest list.
#pragma once

#include <string>
#include <vector>

#include "builder/build_request.h"
#include "store/store.h"

namespace bld::cmd {

// Adds the images to the list of that name, which is made if there is none. An image takes the
// place of one for the same platform. Returns the list's ID.
std::string add_to_list(store::Store& store, const std::string& name,
                        const std::vector<builder::BuildResult>& images);

}  // namespace bld::cmd
