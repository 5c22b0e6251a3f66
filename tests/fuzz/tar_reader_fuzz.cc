// Any bytes as a tar: entries and contents to the end, or an Error. Blocks that look like headers
// get a right checksum first, so that what is behind the checksum is reached.
#include <array>
#include <cstdint>
#include <cstdio>
#include <string>

#include "base/error.h"
#include "layers/tar_reader.h"
#include "layers/whiteout.h"

namespace {

void repair_checksums(std::string& tar) {
  for (std::size_t at = 0; at + 512 <= tar.size(); at += 512) {
    if (tar.compare(at + 257, 5, "ustar") != 0) continue;
    tar.replace(at + 148, 8, 8, ' ');
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(tar[at + i]);
    char digits[8];
    std::snprintf(digits, sizeof digits, "%06o", sum);
    tar.replace(at + 148, 7, digits, 7);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bld;
  std::string tar(reinterpret_cast<const char*>(data), size);
  repair_checksums(tar);
  base::MemorySource source(tar);
  try {
    layers::TarReader reader(source);
    while (const layers::FileEntry* entry = reader.next()) {
      // Sparse files may be much longer than the archive: the front is enough.
      std::array<std::byte, 4096> buffer;
      for (int i = 0; i < 16 && reader.content().read(buffer) > 0; ++i) continue;
      if (entry->path.starts_with('/') || entry->path.find("//") != std::string::npos) {
        __builtin_trap();
      }
      layers::parse_whiteout(entry->path);
    }
  } catch (const base::Error&) {
  }
  return 0;
}
