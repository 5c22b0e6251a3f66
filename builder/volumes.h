// --volume and --tmpfs as mounts of a container.
#pragma once

#include <string>
#include <vector>

#include "base/rooted_dir.h"
#include "base/unique_fd.h"
#include "builder/build_request.h"
#include "runtime/container_spec.h"
#include "store/store.h"

namespace bld::builder {

// Gives the directory and everything below it to the user, links themselves included.
void give_away(const base::RootedDir& directory, const runtime::User& user,
               const std::string& shown);

// The mounts of the volumes of one command, and what has to stay while it runs. Destroying it
// throws away what was written to volumes with the option O.
class Volumes {
 public:
  // `user` is whom the option U gives the files to, in the host's directory itself.
  Volumes(const std::vector<VolumeMount>& volumes, const runtime::User& user, store::Store& store);

  const std::vector<runtime::Mount>& mounts() const { return mounts_; }

 private:
  void add_overlay(const VolumeMount& volume, store::Store& store);

  std::vector<base::UniqueFd> descriptors_;
  std::vector<store::ActiveTree> discarded_;
  std::vector<runtime::Mount> mounts_;
};

}  // namespace bld::builder
