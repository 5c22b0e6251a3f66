#include "registry/transport.h"

#include <array>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace bld::registry {

namespace {

constexpr std::array<std::pair<std::string_view, TransportKind>, 7> kTransports = {{
    {"docker", TransportKind::kDocker},
    {"oci", TransportKind::kOciLayout},
    {"oci-archive", TransportKind::kOciArchive},
    {"docker-archive", TransportKind::kDockerArchive},
    {"dir", TransportKind::kDirectory},
    {"containers-storage", TransportKind::kContainersStorage},
    {"docker-daemon", TransportKind::kDockerDaemon},
}};

// Known to other tools: better refused by name than taken for an image.
constexpr std::array<std::string_view, 3> kOtherTransports = {"sif", "ostree", "tarball"};

std::string_view transport_text(TransportKind kind) {
  for (const auto& [text, known] : kTransports) {
    if (known == kind) return text;
  }
  return "";
}

Location in_store_of_others(TransportKind kind, std::string_view rest) {
  Location location{.kind = kind, .path = {}, .reference = ""};
  if (kind == TransportKind::kContainersStorage && rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == rest.npos) throw base::Error("\"{}\": a ] is missing", base::printable(rest));
    location.path = std::string(rest.substr(1, end - 1));
    rest.remove_prefix(end + 1);
  }
  if (rest.empty() || rest.starts_with('-')) {
    throw base::Error("\"{}\" is no name of an image", base::printable(rest));
  }
  location.reference = rest;
  return location;
}

}  // namespace

std::string Location::str() const {
  if (kind == TransportKind::kDocker) return "docker://" + reference;
  if (kind == TransportKind::kDockerDaemon) return "docker-daemon:" + reference;
  if (kind == TransportKind::kContainersStorage) {
    const std::string store = path.empty() ? "" : "[" + path.string() + "]";
    return "containers-storage:" + store + reference;
  }
  std::string text = std::string(transport_text(kind)) + ":" + path.string();
  if (!reference.empty()) text += ":" + reference;
  return text;
}

std::optional<Location> parse_location(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view transport = text.substr(0, colon);
  if (colon == std::string_view::npos) return std::nullopt;
  for (const std::string_view other : kOtherTransports) {
    if (transport == other) {
      throw base::Error("the transport \"{}:\" is not supported by bld yet", other);
    }
  }
  for (const auto& [name, kind] : kTransports) {
    if (transport != name) continue;
    std::string_view rest = text.substr(colon + 1);
    Location location{.kind = kind, .path = {}, .reference = ""};
    if (kind == TransportKind::kDocker) {
      if (!rest.starts_with("//")) return std::nullopt;  // an image called "docker"
      location.reference = image::Reference::parse(rest.substr(2)).with_default_tag().str();
      return location;
    }
    if (kind == TransportKind::kDockerDaemon || kind == TransportKind::kContainersStorage) {
      return in_store_of_others(kind, rest);
    }
    const std::size_t separator = kind == TransportKind::kDirectory ? rest.npos : rest.find(':');
    location.path = std::string(rest.substr(0, separator));
    if (separator != rest.npos) location.reference = rest.substr(separator + 1);
    if (location.path.empty()) {
      throw base::Error("\"{}\": a path is missing", base::printable(text));
    }
    return location;
  }
  return std::nullopt;
}

}  // namespace bld::registry
