// --manifest, and --tag for several platforms: what a build makes becomes part of a manifest list.
#pragma once

#include <string>
#include <vector>

#include "builder/build_request.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "store/store.h"

namespace bld::cmd {

// Throws if this is the name of an image, which a list is not put in the place of.
void check_list_name(store::Store& store, const std::string& name);

// Adds the images to the list of that name, which is made if there is none. An image takes the
// place of one for the same platform. Returns the list's ID.
std::string add_to_list(store::Store& store, const std::string& name,
                        const std::vector<builder::BuildResult>& images);

// Lists of these images alone, under each of the names, whatever had them before. Returns the ID of
// the first.
std::string name_lists(store::Store& store, const std::vector<image::Reference>& names,
                       const image::Index& index);

}  // namespace bld::cmd
