// What a registry says in headers and token answers: understood, or refused with an Error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "registry/auth.h"
#include "registry/client.h"
#include "registry/url.h"

using namespace bld;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  registry::parse_challenges(text);
  registry::decode_base64(text);
  registry::error_text({.status = 500, .body = std::string(text), .url = {}, .all_headers = {}});
  try {
    registry::parse_token(text);
  } catch (const base::Error&) {
  }
  try {
    const registry::Url url = registry::Url::parse("https://registry.example/v2/").resolve(text);
    // What was accepted once is the same thing when read again.
    if (registry::Url::parse(url.str()).origin() != url.origin()) __builtin_trap();
  } catch (const base::Error&) {
  }
  return 0;
}
