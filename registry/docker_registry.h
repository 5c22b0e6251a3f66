// docker://NAME: a registry of the distribution-spec.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "image/reference.h"
#include "registry/image_endpoint.h"
#include "registry/transport.h"

namespace bld::registry {

// Neither speaks to the registry before its first method is called. A name that the registry does
// not have is an Error that says so, and is not retried; neither is a refused connection.
std::unique_ptr<ImageSource> open_registry_source(const image::Reference& name,
                                                  const ConnectionOptions& options,
                                                  std::stop_token stop);
// `mount_from`: a repository of the same registry that may have the blobs already; or empty.
std::unique_ptr<ImageSink> open_registry_sink(const image::Reference& name,
                                              const ConnectionOptions& options,
                                              std::stop_token stop,
                                              const std::string& mount_from = {});

}  // namespace bld::registry
