// What needs images although it is no name of theirs.
#pragma once

#include <set>

#include "store/store.h"

namespace bld::cmd {

bool is_used_by_container(store::Store& store, const store::ImageRecord& image);

// The manifests that manifest lists name. Few of these images have names of their own, and a list
// without them cannot be pushed.
std::set<image::Digest> manifests_in_lists(store::Store& store);

}  // namespace bld::cmd
