// Containers whose command is not known yet: namespaces, control groups, /proc, /sys and /dev are
// there, or are being made, by a process that waits for its plan.
#pragma once

#include <sys/types.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "runtime/cgroup.h"
#include "runtime/child_plan.h"
#include "runtime/container_files.h"
#include "runtime/container_spec.h"
#include "runtime/launcher_messages.h"

namespace bld::runtime {

// What a container is prepared from; those that are equal serve for each other.
struct Foundation {
  ContainerBase::Kind kind = ContainerBase::Kind::kContainer;
  std::uint64_t namespaces = 0;  // CLONE_NEW…
  std::string base;              // the memory of a ContainerBase without control groups
  int network_fd = -1;           // of the caller, not compared
  ino_t network = 0;             // its number
  ResourceLimits limits;

  // `network_fd`: a network namespace, or -1.
  static Foundation of(const ContainerSpec& spec, ContainerBase::Kind kind, int network_fd);

  bool operator==(const Foundation& other) const;
};

// Destroying it ends the container.
class PreparedContainer {
 public:
  // Has the launcher behind `control` clone the process, and does not wait for it. Files of
  // `mounts` are made already, if they may be the same in a later container: those of the network,
  // no secrets.
  PreparedContainer(int control, const Foundation& foundation, const std::vector<Mount>& mounts);
  ~PreparedContainer();
  PreparedContainer(const PreparedContainer&) = delete;
  PreparedContainer& operator=(const PreparedContainer&) = delete;

  const Foundation& foundation() const { return foundation_; }

  const Cgroup& cgroup() const { return cgroup_; }

  // The tmpfs that is, or becomes, its /dev. For an OCI runtime one that shows where mounts in its
  // own can go; -1 in a chroot.
  int dev() const { return dev_.get(); }

  ContainerFiles& files() { return files_; }

  // Brings Reports. Whoever takes it sees to the end of the container.
  base::UniqueFd& channel() { return sockets_.channel; }

  // Once: what it waits for.
  void start(std::string_view plan, std::span<const int> fds);

 private:
  Foundation foundation_;
  Cgroup cgroup_;
  base::UniqueFd dev_;
  ContainerFiles files_;
  ChildSockets sockets_;
};

// Those of a launcher that nobody uses yet. Any thread.
class PreparedContainers {
 public:
  explicit PreparedContainers(int control) : control_(control) {}

  // One that is prepared, or else a new one.
  std::unique_ptr<PreparedContainer> take(const Foundation& foundation) EXCLUDES(mutex_);

  // Has one made for who asks next, unless there is one: it will be like that with these mounts.
  void prepare(const Foundation& foundation, const std::vector<Mount>& mounts) EXCLUDES(mutex_);

 private:
  const int control_;
  base::Mutex mutex_;
  std::vector<std::unique_ptr<PreparedContainer>> waiting_ GUARDED_BY(mutex_);
};

}  // namespace bld::runtime
