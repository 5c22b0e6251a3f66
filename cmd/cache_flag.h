// --cache-from and --cache-to.
#pragma once

#include <string>

#include "registry/transport.h"

namespace bld::cmd {

// Where steps are shared: "REGISTRY/NAME" or "oci:DIR", without a tag; and docker's
// "type=registry,ref=NAME" and "type=local,src=DIR" (or dest=DIR), with mode=max at most.
registry::Location parse_cache_repository(const std::string& text);

}  // namespace bld::cmd
