// The tags of a repository.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "registry/transport.h"

namespace bld::registry {

// As the registry orders them; of the first mirror that answers, else of the registry itself.
// `repository` is a name, whose tag means nothing.
std::vector<std::string> list_tags(const image::Reference& repository,
                                   const ConnectionOptions& connection, std::stop_token stop);

}  // namespace bld::registry
