// The zstd format. For compression.cc only.
#pragma once

#include <memory>
#include <vector>

#include "base/byte_stream.h"

namespace bld::layers {

std::unique_ptr<base::ByteSource> unzstd(base::ByteSource& compressed);

// One complete frame with a checksum. Any thread.
std::vector<std::byte> zstd_frame(base::Bytes bytes, int level);

inline constexpr int kZstdLevels = 19;  // above, memory grows beyond what a build may use
inline constexpr int kZstdUsualLevel = 3;

}  // namespace bld::layers
