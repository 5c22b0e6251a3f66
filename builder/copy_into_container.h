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
  // A directory, absolute and clean, that all sources are in: nothing outside of it is reached, and
  // its ignore file counts. Nothing: they are anywhere, relative ones below the current directory.
  std::optional<std::filesystem::path> context;
  std::optional<std::filesystem::path> ignore_file;  // instead of the one in the context
  std::string from;  // image or container that the sources are in; empty: this machine
  registry::ConnectionOptions connection;  // of registries that `from` is in, and of remote sources
  std::optional<std::int64_t> timestamp;   // of all that is new; nothing: the sources' times
};

struct CopiedFiles {
  base::Sha256Value digest;  // of what was selected
  std::string kind;  // what a history calls it: "file", "dir", or "multi" of several sources
};

// Under the container's lock.
CopiedFiles copy_into_container(std::string_view name, const ContainerCopyOptions& options,
                                const Services& services, std::stop_token stop);

}  // namespace bld::builder
