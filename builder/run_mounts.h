// RUN --mount= as mounts of the runtime, with their locks and secrets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "builder/mount_sources.h"
#include "builder/ssh_agent.h"
#include "builder/ssh_forward.h"
#include "builder/step.h"
#include "builder/step_caches.h"
#include "runtime/container_spec.h"

namespace bld::builder {

// The mounts of one RUN, and what has to stay while it runs: descriptors, cache locks, filtered
// copies of contexts. Destroying it gives all of it back.
class RunMounts {
 public:
  // A missing source or a required secret that was not given is an Error. Waits for caches.
  RunMounts(const std::vector<MountOperation>& mounts, const MountSources& sources);

  const std::vector<runtime::Mount>& mounts() const { return mounts_; }

  // Variables that mounts add: secrets with env=, SSH_AUTH_SOCK.
  const std::vector<std::string>& env() const { return env_; }

 private:
  void add_bind(const MountOperation& mount, const MountSources& sources);
  void add_owned_copy(const MountOperation& mount, const MountSources& sources);
  void add_tmpfs(const dockerfile::RunMount& mount, const MountSources& sources);
  void add_cache(const MountOperation& mount, const MountSources& sources);
  void add_tmpfs(const MountOperation& mount, const MountSources& sources);
  void add_secret(const dockerfile::RunMount& mount, const MountSources& sources);
  void add_ssh(const dockerfile::RunMount& mount, const MountSources& sources);

  StepCaches caches_;
  std::vector<base::UniqueFd> descriptors_;
  std::vector<std::unique_ptr<SshAgent>> agents_;
  std::vector<SshForward> forwards_;          // to the agents
  std::vector<store::ActiveTree> discarded_;  // take what is written to bind mounts
  std::vector<runtime::Mount> mounts_;
  std::vector<std::string> env_;
};

}  // namespace bld::builder
