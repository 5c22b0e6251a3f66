// Any text as a manifest and as an index: never both, and each survives a round trip.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "image/manifest.h"
#include "image/platform.h"

using namespace bld;

namespace {

template <typename Document>
bool survives(std::string_view text) {
  Document document;
  try {
    document = Document::parse(text);
  } catch (const base::Error&) {
    return false;
  }
  const Document again = Document::parse(document.json());
  if (again != document || again.json() != document.json()) __builtin_trap();
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool is_manifest = survives<image::Manifest>(text);
  const bool is_index = survives<image::Index>(text);
  // Only a document without either list may pass for both.
  if (is_manifest && is_index &&
      (!image::Manifest::parse(text).layers.empty() ||
       !image::Index::parse(text).manifests.empty())) {
    __builtin_trap();
  }
  if (is_index) {
    const auto index = image::Index::parse(text);
    for (const char* platform : {"linux/amd64", "linux/arm/v7"}) {
      index.choose(image::Platform::parse(platform));
    }
  }
  return 0;
}
