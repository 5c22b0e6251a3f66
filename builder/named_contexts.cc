#include "builder/named_contexts.h"

#include <array>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "builder/add_remote.h"
#include "registry/transport.h"

namespace bld::builder {

namespace {

// How an image is written here, and in FROM.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kImagePrefixes = {{
    {"docker-image://", ""},
    {"container-image://", ""},
    {"docker://", ""},
    {"oci-layout://", "oci:"},
}};

}  // namespace

std::set<std::string> NamedContexts::directory_names() const {
  std::set<std::string> names;
  for (const auto& [name, directory] : directories) names.insert(name);
  return names;
}

NamedContexts sort_named_contexts(const std::map<std::string, std::string>& values) {
  NamedContexts contexts;
  for (const auto& [name, value] : values) {
    bool is_image = false;
    for (const auto& [prefix, replacement] : kImagePrefixes) {
      if (!value.starts_with(prefix)) continue;
      contexts.images[name] = std::string(replacement) + value.substr(prefix.size());
      is_image = true;
    }
    if (is_image) continue;
    if (is_remote_source(value)) {
      throw base::Error("--build-context {}: URLs are not supported by bld yet",
                        base::printable(name));
    }
    if (std::filesystem::is_directory(value)) {
      contexts.directories[name] = value;
    } else if (registry::parse_location(value)) {
      contexts.images[name] = value;
    } else {
      throw base::Error("--build-context {}: \"{}\" is not a directory", base::printable(name),
                        base::printable(value));
    }
  }
  return contexts;
}

}  // namespace bld::builder
