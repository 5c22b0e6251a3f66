// Containers whose processes have all ended, while the kernel still takes their mounts down.
#pragma once

#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"

namespace bld::runtime {

// Of this process. overlayfs warns of a lower directory, or refuses it, as long as it is the upper
// one of another mount: who mounts waits until there is none. Any thread.
class EndingContainers {
 public:
  static EndingContainers& of_this_process();

  // `channel`: the launcher writes to it, or closes it, when nothing is left of the container.
  void add(base::UniqueFd channel) EXCLUDES(mutex_);

  // Until nothing is left of all that were added before.
  void wait() EXCLUDES(mutex_);

 private:
  base::Mutex mutex_;  // held while waiting: all wait for the same
  std::vector<base::UniqueFd> channels_ GUARDED_BY(mutex_);
};

}  // namespace bld::runtime
