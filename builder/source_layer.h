// One source artifact (a file, a directory) as a layer of a source image.
#pragma once

#include <filesystem>

#include "base/byte_stream.h"
#include "base/rooted_dir.h"

namespace bld::builder {

// A file under its name, or what is in a directory, as a compressed tar of root's files. The same
// files give the same bytes. `scratch` is an empty directory.
void write_source_layer(const std::filesystem::path& path, const base::RootedDir& scratch,
                        base::ByteSink& sink);

}  // namespace bld::builder
