// --ssh ID=KEY: an agent of our own for keys that lie in files.
#pragma once

#include <filesystem>
#include <vector>

#include "base/process.h"

namespace bld::builder {

// OpenSSH's ssh-agent with these keys, until it is destroyed; the keys are in its memory only.
class SshAgent {
 public:
  // `directory` is an empty one of ours, for the socket. A key that cannot be read, or that has a
  // passphrase, is an Error.
  SshAgent(const std::filesystem::path& directory, const std::vector<std::filesystem::path>& keys);

  const std::filesystem::path& socket() const { return socket_; }

 private:
  std::filesystem::path socket_;
  base::BackgroundProcess process_;
};

}  // namespace bld::builder
