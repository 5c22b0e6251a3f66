// What the request makes of the times of files.
#pragma once

#include "builder/build_request.h"
#include "layers/seal.h"

namespace bld::builder {

inline layers::SealOptions time_rule(const BuildRequest& request) {
  layers::SealOptions options;
  if (request.file_times == FileTimes::kClamp) options.max_mtime = request.timestamp;
  if (request.file_times == FileTimes::kSet) options.set_mtime = request.timestamp;
  return options;
}

}  // namespace bld::builder
