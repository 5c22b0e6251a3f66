// The value of --chmod: an Error, or permission bits for any file.
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "builder/chmod_mode.h"

using namespace bld;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto mode =
        builder::ChmodMode::parse(std::string_view(reinterpret_cast<const char*>(data), size));
    for (const mode_t type : {S_IFREG, S_IFDIR}) {
      for (mode_t bits = 0; bits <= 07777; bits += 0123) {
        if ((mode.apply(type | bits) & ~07777U) != 0) __builtin_trap();
      }
    }
  } catch (const base::Error&) {
  }
  return 0;
}
