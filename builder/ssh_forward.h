// RUN --mount=type=ssh: the agent of the user who builds, as a socket that a step may use.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace bld::builder {

// Listens on a socket of its own, with the owner and mode that the mount asks for, and passes each
// connection on to the agent: so a step can ask the agent, but neither replace its socket nor be
// kept out by its mode. Ends, with all connections, when it is destroyed.
class SshForward {
 public:
  // `directory` is an empty one of ours, `agent` the socket to connect to.
  SshForward(const std::filesystem::path& directory, std::filesystem::path agent, uid_t uid,
             gid_t gid, mode_t mode);
  ~SshForward();
  SshForward(SshForward&&) noexcept;
  SshForward& operator=(SshForward&&) noexcept;

  // The socket, opened with O_PATH, as a source for a bind mount.
  int socket_fd() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bld::builder
