// --squash and --layers=false: many layers as one.
#pragma once

#include "builder/assemble.h"
#include "builder/snapshot.h"
#include "layers/seal.h"
#include "store/store.h"

namespace bld::builder {

// The layers of `snapshot` above the lowest `kept` become one, which is recorded in the store. The
// last history entry that made a layer is the one that made it. Nothing changes where there is at
// most one layer to merge. Files keep the times that they have in the merged layers' tars, but for
// what `time_rule` says of times.
AssembledLayers as_single_layer(const Snapshot& snapshot, std::size_t kept, AssembledLayers layers,
                                const layers::SealOptions& time_rule, store::Store& store);

}  // namespace bld::builder
