// The Containerfile of a build: found, fetched, or taken from standard input.
#pragma once

#include <filesystem>
#include <stop_token>
#include <vector>

#include "base/events.h"
#include "builder/build_request.h"
#include "builder/context.h"
#include "builder/local_context.h"
#include "dockerfile/source_text.h"
#include "store/store.h"

namespace bld::builder {

struct Containerfile {
  dockerfile::SourceText source;
  // Of the first one that is a file, for the ignore file beside it; empty: there is none.
  std::filesystem::path path = {};
  bool path_is_in_context = false;  // then it is relative to the context's root
  std::vector<base::Warning> warnings = {};
};

// Without -f: what the context names, else Containerfile, else Dockerfile, in the context. Several
// files are read one after the other. A path of -f is looked for as it is written, then in the
// context; a directory means the Containerfile in it. A missing file is an Error that says where it
// was looked for.
Containerfile read_containerfiles(const BuildRequest& request, const LocalContext& context,
                                  store::Store& store, std::stop_token stop);

// The context with the ignore file that belongs to it and to the Containerfile.
Context open_context(const BuildRequest& request, const LocalContext& context,
                     const Containerfile& file);

}  // namespace bld::builder
