#include "runtime/ending_containers.h"

#include <poll.h>

#include <cerrno>
#include <utility>

namespace bld::runtime {

EndingContainers& EndingContainers::of_this_process() {
  static EndingContainers containers;
  return containers;
}

void EndingContainers::add(base::UniqueFd channel) {
  const base::MutexLock lock(mutex_);
  channels_.push_back(std::move(channel));
}

void EndingContainers::wait() {
  const base::MutexLock lock(mutex_);
  for (; !channels_.empty(); channels_.pop_back()) {
    pollfd watched{channels_.back().get(), POLLIN, 0};
    while (::poll(&watched, 1, -1) < 0 && errno == EINTR) continue;
  }
}

}  // namespace bld::runtime
