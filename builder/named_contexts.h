// --build-context NAME=VALUE: images and directories by other names.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>

namespace bld::builder {

struct NamedContexts {
  std::map<std::string, std::string> images;  // NAME → what FROM would say
  std::map<std::string, std::filesystem::path> directories;

  std::set<std::string> directory_names() const;
};

// docker-image://REF, container-image://REF, docker://REF, oci-layout://DIR[:TAG] and the other
// transports are images; anything else is a directory, which has to exist.
NamedContexts sort_named_contexts(const std::map<std::string, std::string>& values);

}  // namespace bld::builder
