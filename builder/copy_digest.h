// The digest of a selection.
#pragma once

#include <memory>
#include <vector>

#include "base/hash.h"
#include "builder/copy_selection.h"

namespace bld::builder {

// Contents come from what `sources` remembers where they lie in its root, else are read.
base::Sha256Value digest_of(const std::vector<std::shared_ptr<const Selection::Item>>& items,
                            const SourceRoot& sources);

}  // namespace bld::builder
