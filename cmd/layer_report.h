// Why an image is as big as it is: `bld inspect --layers`.
#pragma once

#include <string>

#include "store/store.h"

namespace bld::cmd {

enum class ReportFormat { kText, kJson };

// What each layer adds, changes, removes and hides, and the largest files of the whole image.
// Reads trees, which needs the namespaces that bld works in.
std::string layer_report(store::Store& store, const store::ImageRecord& image, ReportFormat format);

}  // namespace bld::cmd
