// bld copy and bld add: files into a working container.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "builder/build.h"
#include "builder/copy_step.h"
#include "registry/transport.h"

namespace bld::builder {

struct ContainerCopyOptions {
  // As of COPY and ADD; a relative destination counts from the container's working directory.
  CopyOperation operation;
  // Where relative sources are, and all of them where it was given: nothing outside of it is
  // reached then.
  std::optional<std::filesystem::path> context;
  std::optional<std::filesystem::path> ignore_file;  // of the context
  std::string from;  // image or container that the sources are in; empty: this machine
  registry::ConnectionOptions connection;  // of registries that `from` is in, and of remote sources
  std::optional<std::int64_t> timestamp;   // of all that is new; nothing: the sources' times
};

struct CopiedFiles {
  base::Sha256Value digest;   // of what was selected
  bool is_directory = false;  // one source, and it is a folder
};

// Under the container's lock.
CopiedFiles copy_into_container(std::string_view name, const ContainerCopyOptions& options,
                                const Services& services, std::stop_token stop);

}  // namespace bld::builder
