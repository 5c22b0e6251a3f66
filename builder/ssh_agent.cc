#include "builder/ssh_agent.h"

#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/text.h"

namespace bld::builder {

namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 5s;

base::ProcessOptions agent_command(const std::filesystem::path& socket) {
  if (base::find_program("ssh-agent").empty()) {
    throw base::Error("--ssh with a key needs ssh-agent").hint("install openssh-client");
  }
  base::ProcessOptions options;
  options.args = {"ssh-agent", "-D", "-a", socket.string()};
  return options;
}

void wait_for_socket(const std::filesystem::path& socket, base::BackgroundProcess& process) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!std::filesystem::exists(socket)) {
    if (process.has_ended() || std::chrono::steady_clock::now() > deadline) {
      throw base::Error("ssh-agent does not start");
    }
    std::this_thread::sleep_for(1ms);
  }
}

void add_key(const std::filesystem::path& socket, const std::filesystem::path& key) {
  base::ProcessOptions options;
  options.args = {"ssh-add", "-q", "--", key.string()};
  // Nobody is there to be asked for a passphrase.
  options.env = {"SSH_AUTH_SOCK=" + socket.string(), "SSH_ASKPASS=/bin/false",
                 "SSH_ASKPASS_REQUIRE=force"};
  const base::ProcessResult result = base::run_process(options);
  if (result.exit_status == 0) return;
  base::Error error("the ssh key {} cannot be used: {}", key.string(),
                    base::printable(base::trim(result.error_output)));
  error.hint(
      "a key with a passphrase is added to an agent of your own: ssh-add, then --ssh default");
  throw error;
}

}  // namespace

SshAgent::SshAgent(const std::filesystem::path& directory,
                   const std::vector<std::filesystem::path>& keys)
    : socket_(directory / "own-agent"), process_(agent_command(socket_)) {
  wait_for_socket(socket_, process_);
  for (const std::filesystem::path& key : keys) add_key(socket_, key);
}

}  // namespace bld::builder
