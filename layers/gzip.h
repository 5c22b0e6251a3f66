// The gzip format: inflate by ISA-L, deflate by libdeflate. For compression.cc only.
#pragma once

#include <memory>
#include <vector>

#include "base/byte_stream.h"

namespace bld::layers {

std::unique_ptr<base::ByteSource> gunzip(base::ByteSource& compressed);

// One complete gzip member. Any thread.
std::vector<std::byte> gzip_member(base::Bytes bytes, int level);

inline constexpr int kGzipLevels = 12;
inline constexpr int kGzipUsualLevel = 4;

}  // namespace bld::layers
