// Where a path leads inside a root when all links on it are worked out.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/rooted_dir.h"
#include "builder/existing_files.h"

namespace bld::builder {

struct ResolvedPath {
  std::string path;                   // relative, clean; no component that exists is a link
  std::optional<struct stat> status;  // of what is there; nothing: it does not exist
};

// Links are followed as in a container whose root is `root`; components that do not exist are kept
// as they are. A cycle of links is an Error.
ResolvedPath resolve_links(const base::RootedDir& root, std::string_view path);

struct ResolvedFile {
  std::string path;  // as above
  std::optional<layers::FileEntry> file;
};

ResolvedFile resolve_links(const ExistingFiles& files, std::string_view path);

}  // namespace bld::builder
