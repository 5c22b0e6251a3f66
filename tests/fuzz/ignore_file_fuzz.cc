// An ignore file, and below a NUL byte a path to try: pruning must never lose an exception.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "dockerfile/ignore_file.h"

using namespace bld;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = std::min(text.find('\0'), text.size());
  std::string path = dockerfile::clean_path(text.substr(std::min(cut + 1, text.size())));
  try {
    const auto ignore = dockerfile::IgnoreFile::parse(text.substr(0, cut));
    const bool ignored = ignore.ignored(path);
    const std::size_t slash = path.find('/');
    if (slash == std::string::npos || slash == 0) return 0;
    const std::string folder = path.substr(0, slash);
    const bool pruned = ignore.ignored(folder) && !ignore.may_have_exceptions_below(folder);
    if (pruned && !ignored) __builtin_trap();
  } catch (const base::Error&) {
  }
  return 0;
}
