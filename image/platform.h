// What an image runs on: os/architecture[/variant], in Go's names.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace bld::image {

struct Platform {
  std::string os, architecture, variant;
  std::string os_version;
  std::vector<std::string> os_features;

  // "linux/arm64/v8", normalised; "arm64" alone is an architecture, "linux" alone an os, the rest
  // this machine's. Throws Error for anything that is no platform.
  static Platform parse(std::string_view text);
  static Platform host();

  std::string str() const;  // "linux/arm64", "linux/arm/v7"
  auto operator<=>(const Platform&) const = default;
};

// The usual names: x86_64 is amd64, aarch64 is arm64, arm without variant is v7, arm64/v8 is arm64.
Platform normalized(Platform platform);

// How well `offered` serves `wanted`: 0 not at all; greater is better.
int match(const Platform& offered, const Platform& wanted);

}  // namespace bld::image
