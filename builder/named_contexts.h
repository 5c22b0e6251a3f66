// --build-context NAME=VALUE: images and directories by other names.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "builder/local_context.h"

namespace bld::builder {

struct NamedContexts {
  std::map<std::string, std::string> images;  // NAME → what FROM would say
  std::map<std::string, LocalContext> directories;

  std::set<std::string> directory_names() const;
};

// What FROM would say of the value of a --build-context; nothing if it is no image.
std::optional<std::string> named_image(const std::string& value);

// docker-image://REF, container-image://REF, docker://REF, oci-layout://DIR[:TAG][@DIGEST] and the
// other transports are images; anything else is a context as bring_context() takes it, but not
// standard input and not a mere Containerfile. Errors name the flag.
NamedContexts bring_named_contexts(const std::map<std::string, std::string>& values,
                                   const ContextOptions& options, store::Store& store,
                                   std::stop_token stop);

}  // namespace bld::builder
