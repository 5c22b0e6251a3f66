// Sparse files in tars: where the stored bytes belong. For tar_reader.cc only.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace bld::layers {

// A run of stored bytes. What no run covers is zeros.
struct SparseRun {
  std::uint64_t offset = 0, length = 0;
};

using SparseMap = std::vector<SparseRun>;

// "offset,length,offset,length…" (pax format 0.1).
SparseMap parse_sparse_map(std::string_view text);

// Throws unless the runs are in order, do not overlap, end within `real_size`, and hold
// `stored_size` bytes together.
void check_sparse_map(const SparseMap& map, std::uint64_t real_size, std::uint64_t stored_size);

}  // namespace bld::layers
