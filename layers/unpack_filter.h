// bzip2 and xz as streams, by libarchive's filters: only ADD needs them. For archive.cc only.
#pragma once

#include <memory>

#include "base/byte_stream.h"

namespace bld::layers {

bool is_bzip2_or_xz(base::Bytes head);  // 6 bytes are enough

// `compressed` outlives the result. Damage is an Error of read().
std::unique_ptr<base::ByteSource> unpack_bzip2_or_xz(base::ByteSource& compressed);

}  // namespace bld::layers
