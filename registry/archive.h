// Images as one file: a tar of an OCI layout, and the tar that `docker save` writes.
//
// A file that is read may be compressed as a whole, or be a pipe. One that is written is made
// beside and renamed by put_manifest(), so that it is there whole or not at all; whatever is no
// regular file (a pipe, /dev/stdout) is written straight.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "registry/image_endpoint.h"
#include "registry/layout.h"

namespace bld::registry {

// `scratch` is an empty directory of the caller's that outlives the source: the archive is unpacked
// there at once. Only the files of a layout are taken. `reference` as for open_layout_source.
std::unique_ptr<ImageSource> open_oci_archive_source(const std::filesystem::path& file,
                                                     const std::string& reference,
                                                     const std::filesystem::path& scratch);

// The same for docker-archive. `reference` is NAME[:TAG], or "@N" for the N-th image from 0 on;
// empty: the only one there. Its manifest is ours: Docker's schema 2, from what was unpacked.
std::unique_ptr<ImageSource> open_docker_archive_source(const std::filesystem::path& file,
                                                        const std::string& reference,
                                                        const std::filesystem::path& scratch);

// All images of the file, in its order; at least one. It is unpacked once for all of them.
std::vector<std::unique_ptr<ImageSource>> open_docker_archive_sources(
    const std::filesystem::path& file, const std::filesystem::path& scratch);

// Collects the layout below `scratch`, as above. The same image gives the same bytes.
std::unique_ptr<ImageSink> open_oci_archive_sink(const std::filesystem::path& file,
                                                 const std::string& reference,
                                                 const std::filesystem::path& scratch);
std::unique_ptr<ImageSink> open_oci_archive_sink(const std::filesystem::path& file,
                                                 std::vector<LayoutReference> references,
                                                 const std::filesystem::path& scratch);

// Writes as blobs come: sequential, plain tars only. `reference` is NAME[:TAG], or empty. The same
// image gives the same bytes. Of no use after a method threw. The image gets `more_names` as well.
std::unique_ptr<ImageSink> open_docker_archive_sink(
    const std::filesystem::path& file, const std::string& reference,
    const std::vector<std::string>& more_names = {});

}  // namespace bld::registry
