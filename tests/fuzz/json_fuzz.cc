// Any text as JSON: what is read and written is read again as the same value and text.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

using namespace bld;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  base::Json json;
  try {
    json = base::Json::parse(text);
  } catch (const base::Error&) {
    return 0;
  }
  for (const int indent : {0, 2}) {
    // Escapes make a text longer than it was.
    const base::Json again = base::Json::parse(json.str(indent), SIZE_MAX);
    if (again != json || again.str() != json.str()) __builtin_trap();
  }
  return 0;
}
