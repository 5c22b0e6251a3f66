#include "builder/named_contexts.h"

#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "builder/url_text.h"
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

LocalContext directory_of(const std::string& value, const ContextOptions& options,
                          store::Store& store, const std::stop_token& stop) {
  if (value == "-") throw base::Error("standard input can only be the main context");
  LocalContext context = bring_context(value, options, store, stop);
  if (context.containerfile || !context.file.empty()) {
    throw base::Error("{} is neither a directory nor an archive", shown_url(value));
  }
  return context;
}

}  // namespace

std::optional<std::string> named_image(const std::string& value) {
  for (const auto& [prefix, replacement] : kImagePrefixes) {
    if (!value.starts_with(prefix)) continue;
    const std::string rest = value.substr(prefix.size());
    if (rest.empty()) throw base::Error("{} names no image", prefix);
    return std::string(replacement) + rest;
  }
  if (std::filesystem::exists(value)) return std::nullopt;
  if (registry::parse_location(value)) return value;
  return std::nullopt;
}

std::set<std::string> NamedContexts::directory_names() const {
  std::set<std::string> names;
  for (const auto& [name, directory] : directories) names.insert(name);
  return names;
}

NamedContexts bring_named_contexts(const std::map<std::string, std::string>& values,
                                   const ContextOptions& options, store::Store& store,
                                   std::stop_token stop) {
  NamedContexts contexts;
  for (const auto& [name, value] : values) {
    try {
      if (auto image = named_image(value)) {
        contexts.images[name] = std::move(*image);
      } else {
        contexts.directories.emplace(name, directory_of(value, options, store, stop));
      }
    } catch (base::Error& error) {
      error.add_context("--build-context " + base::printable(name));
      throw;
    }
  }
  return contexts;
}

}  // namespace bld::builder
