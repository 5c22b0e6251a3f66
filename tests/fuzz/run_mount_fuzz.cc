// The text of RUN --mount=, before and after expansion.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "dockerfile/run_mount.h"

using namespace bld;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    dockerfile::check_run_mount(text);
    dockerfile::run_mount_from(text);
    dockerfile::parse_run_mount(text);
  } catch (const base::Error&) {
  }
  return 0;
}
