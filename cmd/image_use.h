// Which images working containers stand on.
#pragma once

#include "store/store.h"

namespace bld::cmd {

bool is_used_by_container(store::Store& store, const store::ImageRecord& image);

}  // namespace bld::cmd
