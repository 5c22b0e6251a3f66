#include "layers/file_entry.h"

#include <algorithm>

namespace bld::layers {

std::strong_ordering compare_paths(std::string_view a, std::string_view b) {
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  // A slash ends a component, so it sorts before every other byte, as the end of the path does.
  const auto rank = [](const char* position, const char* end) {
    if (position == end) return -1;
    return *position == '/' ? 0 : 1 + static_cast<int>(static_cast<unsigned char>(*position));
  };
  return rank(in_a, a.end()) <=> rank(in_b, b.end());
}

bool is_layer_xattr(std::string_view name) {
  if (name == "security.capability") return true;
  return name.starts_with("user.") && !name.starts_with("user.overlay.") &&
         !name.starts_with("user.fuseoverlayfs.") && !name.starts_with("user.bld.");
}

}  // namespace bld::layers
