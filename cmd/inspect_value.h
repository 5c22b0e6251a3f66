// An image or a working container as `bld inspect` shows it: Buildah's object.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "builder/working_container.h"
#include "cmd/go_value.h"
#include "cmd/run_flags.h"
#include "store/store.h"

namespace bld::cmd {

// `name` is the one of its names that FromImage shows.
Value inspect_value(store::Store& store, const store::ImageRecord& image, const std::string& name);

// `facts` of the flags that it remembers; `mount_point` is empty where it is not mounted.
Value inspect_value(store::Store& store, const builder::WorkingContainer& container,
                    const RunFacts& facts, const std::string& mount_point);

}  // namespace bld::cmd
