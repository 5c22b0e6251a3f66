#include "layers/tar_sparse.h"

#include "base/error.h"
#include "base/text.h"

namespace bld::layers {

using base::Error;

SparseMap parse_sparse_map(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const auto number = base::parse_unsigned(text.substr(0, comma));
    if (!number) throw Error("the map of a sparse file is damaged");
    numbers.push_back(*number);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (numbers.size() % 2 != 0) throw Error("the map of a sparse file is damaged");
  SparseMap map;
  for (std::size_t i = 0; i < numbers.size(); i += 2) map.push_back({numbers[i], numbers[i + 1]});
  return map;
}

void check_sparse_map(const SparseMap& map, std::uint64_t real_size, std::uint64_t stored_size) {
  std::uint64_t end = 0, stored = 0;
  for (const SparseRun& run : map) {
    if (run.offset < end || run.offset > real_size || run.length > real_size - run.offset) {
      throw Error("the map of a sparse file is damaged");
    }
    end = run.offset + run.length;
    stored += run.length;  // cannot overflow: the runs are disjoint
  }
  if (stored != stored_size) throw Error("the map of a sparse file does not fit its contents");
}

}  // namespace bld::layers
