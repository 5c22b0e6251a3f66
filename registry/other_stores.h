// The images that podman, buildah and docker keep on this machine. Those of podman and buildah are
// read where they are if that can be (containers_storage.h); all else goes by way of their own
// programs, which alone know how their stores are locked and laid out.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>

#include "registry/image_endpoint.h"
#include "registry/transport.h"

namespace bld::registry {

// Of kContainersStorage and kDockerDaemon. `scratch` is an empty directory of the caller's that
// outlives the source: what a program saves is there at once. A program that is missing, or that
// fails, is an Error with what it said.
std::unique_ptr<ImageSource> open_other_store_source(const Location& from,
                                                     const std::filesystem::path& scratch,
                                                     const std::stop_token& stop);

// Whether podman or buildah have this image, as far as can be read without them.
bool is_in_containers_storage(const image::Reference& name, const std::stop_token& stop);

// The image is there when put_manifest() returned. Sequential, one image.
std::unique_ptr<ImageSink> open_other_store_sink(const Location& to,
                                                 const std::filesystem::path& scratch,
                                                 const std::stop_token& stop);

}  // namespace bld::registry
