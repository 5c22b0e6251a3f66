#include "image/platform.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"
#include "base/text.h"

namespace bld::image {

namespace {

constexpr std::array<std::string_view, 15> kArchitectures = {
    "386",    "amd64", "arm",     "arm64",   "loong64", "mips",    "mips64", "mips64le",
    "mipsle", "ppc64", "ppc64le", "riscv64", "s390x",   "sparc64", "wasm"};

constexpr std::array<std::string_view, 7> kSystems = {"linux",   "windows", "darwin", "freebsd",
                                                      "openbsd", "netbsd",  "wasip1"};

template <std::size_t kCount>
bool contains(const std::array<std::string_view, kCount>& values, std::string_view value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
  });
}

}  // namespace

Platform normalized(Platform platform) {
  platform.os = base::to_lower(platform.os);
  platform.architecture = base::to_lower(platform.architecture);
  platform.variant = base::to_lower(platform.variant);
  if (platform.os == "macos") platform.os = "darwin";
  std::string& architecture = platform.architecture;
  std::string& variant = platform.variant;
  if (architecture == "x86_64" || architecture == "x86-64") architecture = "amd64";
  if (architecture == "i386" || architecture == "i686") architecture = "386";
  if (architecture == "aarch64") architecture = "arm64";
  if (architecture == "armhf" || architecture == "armv7l") architecture = "arm";
  if (architecture == "armel" || architecture == "armv6l") {
    architecture = "arm";
    variant = "v6";
  }
  if (!variant.empty() && variant.front() != 'v' && base::parse_unsigned(variant)) {
    variant.insert(0, "v");
  }
  if (architecture == "arm64" && variant == "v8") variant.clear();
  if (architecture == "amd64" && variant == "v1") variant.clear();
  if (architecture == "arm" && variant.empty()) variant = "v7";
  return platform;
}

Platform Platform::host() {
  struct utsname name = {};
  ::uname(&name);
  Platform platform;
  platform.os = "linux";
  platform.architecture = name.machine;
  return normalized(std::move(platform));
}

Platform Platform::parse(std::string_view text) {
  const std::vector<std::string> parts = base::split(text, '/');
  const bool well_formed =
      parts.size() <= 3 && std::all_of(parts.begin(), parts.end(),
                                       [](const std::string& part) { return is_word(part); });
  base::Error error("\"{}\" is not a platform", base::printable(text.substr(0, 200)));
  error.hint("a platform is OS/ARCHITECTURE[/VARIANT], for example linux/arm64");
  if (!well_formed) throw error;
  Platform platform = host();
  if (parts.size() == 1) {
    Platform given;
    given.architecture = parts[0];
    given = normalized(std::move(given));
    if (contains(kSystems, base::to_lower(parts[0]))) {
      platform.os = base::to_lower(parts[0]);
      return platform;
    }
    if (!contains(kArchitectures, given.architecture)) throw error;
    given.os = platform.os;
    return given;
  }
  platform = {};
  platform.os = parts[0];
  platform.architecture = parts[1];
  if (parts.size() == 3) platform.variant = parts[2];
  platform = normalized(std::move(platform));
  if (!contains(kSystems, platform.os) || !contains(kArchitectures, platform.architecture)) {
    throw error;
  }
  return platform;
}

std::string Platform::str() const {
  std::string text = os + "/" + architecture;
  if (!variant.empty()) text += "/" + variant;
  return text;
}

int match(const Platform& offered, const Platform& wanted) {
  const Platform a = normalized(offered);
  const Platform b = normalized(wanted);
  if (a.os != b.os || a.architecture != b.architecture) return 0;
  if (a.variant == b.variant) return 100;
  // An older variant runs on a newer one: arm/v6 on v7. None given says nothing.
  if (a.variant.empty() || b.variant.empty()) return 50;
  return a.variant < b.variant ? 10 + (a.variant.back() - '0') : 0;
}

}  // namespace bld::image
