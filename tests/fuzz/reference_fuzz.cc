// Any text as the name of an image: the full and the familiar name mean the same one, and neither
// the registry nor a part of the repository is a step upwards in a path.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "image/reference.h"

using namespace bld;

namespace {

void check(const image::Reference& reference) {
  if (image::Reference::parse(reference.str()) != reference) __builtin_trap();
  if (image::Reference::parse_local(reference.str()) != reference) __builtin_trap();
  if (image::Reference::parse(reference.familiar()) != reference) __builtin_trap();
  for (const std::string& part : base::split(reference.name(), '/')) {
    if (part.empty() || part == "." || part == "..") __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  using image::Reference;
  for (Reference (*parse)(std::string_view) : {&Reference::parse, &Reference::parse_local}) {
    Reference reference;
    try {
      reference = parse(text);
    } catch (const base::Error&) {
      continue;
    }
    check(reference);  // not within the try: from here on nothing may be refused
  }
  return 0;
}
