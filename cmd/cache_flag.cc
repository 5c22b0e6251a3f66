#include "cmd/cache_flag.h"

#include "base/error.h"
#include "base/text.h"
#include "cmd/options.h"
#include "dockerfile/csv.h"
#include "image/reference.h"

namespace bld::cmd {

using base::Error;
using registry::Location;
using registry::TransportKind;

namespace {

Location registry_at(const std::string& name) {
  const image::Reference reference = image::Reference::parse(name);
  if (!reference.tag().empty() || reference.digest()) {
    throw Error("\"{}\" has a tag or a digest", base::printable(name))
        .hint("name the repository alone: each step has a tag of its own there");
  }
  return {.kind = TransportKind::kDocker, .path = {}, .reference = reference.name()};
}

Location layout_at(const std::string& directory) {
  if (directory.empty()) throw Error("a directory is missing");
  return {.kind = TransportKind::kOciLayout, .path = directory, .reference = {}};
}

// As docker writes it.
Location parse_attributes(const std::string& text) {
  std::string type, place;
  for (const std::string& attribute : dockerfile::split_csv(text)) {
    const KeyAndValue field = parse_key_value(attribute);
    const std::string value = field.value.value_or("");
    if (field.key == "type") {
      type = value;
    } else if (field.key == "ref" || field.key == "src" || field.key == "dest") {
      place = value;
    } else if (field.key != "mode" || value != "max") {
      throw Error("\"{}\" is not known here", base::printable(attribute))
          .hint("there are type, ref, src, dest and mode=max: all steps are shared");
    }
  }
  if (type == "registry") return registry_at(place);
  if (type == "local") return layout_at(place);
  throw Error("the type \"{}\" is not supported by bld", base::printable(type))
      .hint("there are type=registry and type=local");
}

}  // namespace

Location parse_cache_repository(const std::string& text) {
  if (text.starts_with("type=")) return parse_attributes(text);
  const auto place = registry::parse_location(text);
  if (!place) return registry_at(text);
  if (place->kind == TransportKind::kDocker) return registry_at(place->reference);
  if (place->kind == TransportKind::kOciLayout && place->reference.empty()) {
    return layout_at(place->path);
  }
  throw Error("\"{}\" is no place for a cache", base::printable(text))
      .hint("steps are shared in a repository (REGISTRY/NAME) or in a directory (oci:DIR)");
}

}  // namespace bld::cmd
