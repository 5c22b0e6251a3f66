// RUN --mount=type=cache: directories of the store that outlive the step.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "base/file_lock.h"
#include "base/rooted_dir.h"
#include "builder/mount_sources.h"
#include "builder/step.h"

namespace bld::builder {

// The caches of one step, and the locks that say who uses them: shared users of one cache hold its
// lock shared, a locked one has it alone, and a private one takes the first of the caches "id",
// "id (2)", … that nobody uses. In a chroot, where a cache is moved to its user, each has it alone.
//
// Locks are taken in one order for all steps, so that no two wait for each other. A cache that a
// step names twice is locked once, in the stricter way.
class StepCaches {
 public:
  // Waits for caches that others have; Error when sources.stop asks to end.
  StepCaches(const std::vector<MountOperation>& mounts, const MountSources& sources);

  // `mount` is a cache among those, the same object. Stays with this.
  const base::RootedDir& directory_of(const MountOperation& mount) const;

 private:
  struct Cache {
    base::RootedDir data;
    base::FileLock lock;
  };

  std::vector<Cache> caches_;
  std::unordered_map<const MountOperation*, std::size_t> of_mounts_;  // in `caches_`
};

}  // namespace bld::builder
