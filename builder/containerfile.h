// The Containerfile of a build: found, read, or taken from standard input.
#pragma once

#include <filesystem>

#include "builder/build_request.h"
#include "dockerfile/source_text.h"

namespace bld::builder {

struct Containerfile {
  dockerfile::SourceText source;
  std::filesystem::path path;  // of the first file; empty: standard input
};

// Without -f: Containerfile, else Dockerfile, in the context. Several files are read one after the
// other. A missing one is an Error that says where it was looked for.
Containerfile read_containerfiles(const BuildRequest& request);

}  // namespace bld::builder
