// Images as files: an OCI layout (image-spec image-layout.md), and the directory of `dir:`.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "registry/image_endpoint.h"

namespace bld::registry {

// An image's name in full, which containerd and docker write and read.
inline constexpr std::string_view kFullNameAnnotation = "io.containerd.image.name";

// One entry of an index.json: the reference, and what else it says.
struct LayoutReference {
  std::string name;  // org.opencontainers.image.ref.name; may be empty
  std::map<std::string, std::string> annotations = {};
};

// `reference` is the annotation org.opencontainers.image.ref.name of the wanted image; empty: the
// only one there.
std::unique_ptr<ImageSource> open_layout_source(const std::filesystem::path& directory,
                                                const std::string& reference);
// Makes the layout if it is missing. Another image of the same reference gives way, and others
// stay; index.json is replaced at once, under a lock.
std::unique_ptr<ImageSink> open_layout_sink(const std::filesystem::path& directory,
                                            const std::string& reference);
// The image under several references, of which there is at least one.
std::unique_ptr<ImageSink> open_layout_sink(const std::filesystem::path& directory,
                                            std::vector<LayoutReference> references);

std::unique_ptr<ImageSource> open_directory_source(const std::filesystem::path& directory);
std::unique_ptr<ImageSink> open_directory_sink(const std::filesystem::path& directory);

}  // namespace bld::registry
