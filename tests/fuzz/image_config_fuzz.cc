// Any text as an image config: what is written is read again as the same config.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "image/image_config.h"

using namespace bld;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  image::ImageConfig config;
  try {
    config = image::ImageConfig::parse({reinterpret_cast<const char*>(data), size});
  } catch (const base::Error&) {
    return 0;
  }
  const image::ImageConfig again = image::ImageConfig::parse(config.json());
  if (again != config || again.json() != config.json()) __builtin_trap();
  return 0;
}
