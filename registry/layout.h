// Images as files: an OCI layout (image-spec image-layout.md), and the directory of `dir:`.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "registry/image_endpoint.h"

namespace bld::registry {

// `reference` is the annotation org.opencontainers.image.ref.name of the wanted image; empty: the
// only one there.
std::unique_ptr<ImageSource> open_layout_source(const std::filesystem::path& directory,
                                                const std::string& reference);
// Makes the layout if it is missing. Another image of the same reference gives way, and others
// stay; index.json is replaced at once, under a lock.
std::unique_ptr<ImageSink> open_layout_sink(const std::filesystem::path& directory,
                                            const std::string& reference);

std::unique_ptr<ImageSource> open_directory_source(const std::filesystem::path& directory);
std::unique_ptr<ImageSink> open_directory_sink(const std::filesystem::path& directory);

}  // namespace bld::registry
