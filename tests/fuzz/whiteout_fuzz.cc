// A name that is a whiteout hides one plain component, and is written as it was read.
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "layers/whiteout.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using bld::layers::WhiteoutName;
  const std::string_view path(reinterpret_cast<const char*>(data), size);
  if (path.find("//") != std::string_view::npos || path.starts_with('/')) return 0;
  try {
    const WhiteoutName name = bld::layers::parse_whiteout(path);
    if (name.kind == WhiteoutName::Kind::kWhiteout &&
        bld::layers::whiteout_path(name.path) != path) {
      __builtin_trap();
    }
    if (name.kind == WhiteoutName::Kind::kOpaque && bld::layers::opaque_path(name.path) != path) {
      __builtin_trap();
    }
  } catch (const bld::base::Error&) {
  }
  return 0;
}
