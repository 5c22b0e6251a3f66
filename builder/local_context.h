// A build context as a directory of this machine, wherever it came from.
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

#include "builder/build_request.h"
#include "builder/download.h"
#include "dockerfile/source_text.h"
#include "store/store.h"

namespace bld::builder {

struct LocalContext {
  std::filesystem::path directory;
  // Made of foreign bytes, below the store's tmp/: no link in it is followed out of it.
  bool is_unpacked = false;
  std::filesystem::path file;  // a Containerfile that was named in place of a directory, or empty
  // What came was a Containerfile and nothing else; then the directory is empty.
  std::optional<dockerfile::SourcePart> containerfile;
};

struct ContextOptions {
  RemoteAccess access;
  bool keep_git_dir = false;
};

// What the request says of them, by its connection and by BUILDKIT_CONTEXT_KEEP_GIT_DIR.
ContextOptions context_options(const BuildRequest& request);

// `text` is, in this order: "-" (a tar or a Containerfile on standard input); a directory; a file
// (an archive, or a Containerfile, whose directory is the context); a git repository; the URL of an
// archive or of a Containerfile. What is unpacked belongs to 0:0 and is gone with the store or,
// after a crash, by its next open.
LocalContext bring_context(const std::string& text, const ContextOptions& options,
                           store::Store& store, std::stop_token stop);

}  // namespace bld::builder
