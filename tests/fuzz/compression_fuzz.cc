// Any bytes as a gzip or zstd stream: up to some MiB of output, or an Error.
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "layers/compression.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bld;
  if (size == 0) return 0;
  // The first byte says whether the kind is told or found.
  base::MemorySource source(std::as_bytes(std::span(data + 1, size - 1)));
  std::vector<std::byte> buffer(10'000 + data[0]);
  try {
    const auto plain = data[0] % 3 == 0   ? layers::decompress(source, layers::Compression::kGzip)
                       : data[0] % 3 == 1 ? layers::decompress(source, layers::Compression::kZstd)
                                          : layers::decompress(source);
    for (int i = 0; i < 400 && plain->read(buffer) > 0; ++i) continue;
  } catch (const base::Error&) {
  }
  return 0;
}
