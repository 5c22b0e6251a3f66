// An image's /etc/passwd and /etc/group: a user of them, or an Error. The first line of the input
// is what is asked for, the rest up to a line with "-" is passwd, the rest is group.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/rooted_dir.h"
#include "runtime/passwd.h"

using namespace bld;

namespace {

const std::filesystem::path& root() {
  static const std::filesystem::path path = [] {
    std::string name = "/tmp/passwd-fuzz-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    std::filesystem::create_directory(name + "/etc");
    return std::filesystem::path(name);
  }();
  return path;
}

void write(const char* name, std::string_view content) {
  std::ofstream(root() / "etc" / name, std::ios::binary) << content;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t first = std::min(text.find('\n'), text.size());
  const std::size_t second = std::min(text.find("\n-\n", first), text.size());
  write("passwd", text.substr(first, second - first));
  write("group", text.substr(second));
  const base::RootedDir image = base::RootedDir::open(root());
  for (const bool is_owner : {false, true}) {
    try {
      if (is_owner) {
        runtime::resolve_owner(image, text.substr(0, first));
      } else {
        runtime::resolve_user(image, text.substr(0, first));
      }
    } catch (const base::Error&) {
    }
  }
  return 0;
}
