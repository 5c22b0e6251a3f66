// A working container as an image.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/added_files.h"
#include "builder/build_request.h"
#include "builder/roots.h"
#include "image/image_config.h"
#include "store/store.h"

namespace bld::builder {

struct CommitOptions {
  // Of this: tags, format, labels, annotations, environment, timestamp, file times, squash,
  // history.
  BuildRequest image;
  // Merged into the container's configuration, before `changes`: lists and maps are added to, and
  // what else is not empty takes the place of what is there.
  std::optional<image::RunConfig> config;
  // Instructions that change the configuration (CMD, ENV…), as in a Containerfile. They do not
  // change the container.
  std::vector<std::string> changes;
  std::vector<AddedFile> files;  // one more layer (with squash, a part of the one)
};

// Reads what changed in the container once, into one layer (none where nothing did); the container
// stays as it is, and usable. Under the container's lock.
BuildResult commit_container(std::string_view name, const CommitOptions& options,
                             store::Store& store, Roots& roots);

}  // namespace bld::builder
