#include "builder/ssh_forward.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <list>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/owner_record.h"

namespace bld::builder {

namespace {

constexpr int kMaxConnections = 64;
constexpr int kBacklog = 16;

// The kernel's limit of a socket's path is 107 bytes: long ones go through a directory descriptor.
sockaddr_un address_of(const std::filesystem::path& path, const base::UniqueFd& directory) {
  const std::string name =
      path.string().size() < sizeof(sockaddr_un::sun_path)
          ? path.string()
          : "/proc/self/fd/" + std::to_string(directory.get()) + "/" + path.filename().string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() >= sizeof address.sun_path) throw base::Error("{}: too long a path", name);
  std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
  return address;
}

base::UniqueFd open_directory_of(const std::filesystem::path& path) {
  base::UniqueFd fd(::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw base::Error::sys("open", path.parent_path().string());
  return fd;
}

base::UniqueFd new_socket() {
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw base::Error::sys("socket", "");
  return fd;
}

base::UniqueFd listen_on(const std::filesystem::path& path, uid_t uid, gid_t gid, mode_t mode) {
  base::UniqueFd fd = new_socket();
  const base::UniqueFd directory = open_directory_of(path);
  const sockaddr_un address = address_of(path, directory);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw base::Error::sys("bind", path.string());
  }
  if (::chmod(path.c_str(), mode) != 0 || !base::set_owner_at(AT_FDCWD, path, uid, gid)) {
    throw base::Error::sys("chown", path.string());
  }
  if (::listen(fd.get(), kBacklog) != 0) throw base::Error::sys("listen", path.string());
  return fd;
}

// Empty when the agent is gone: the step's connection is closed then.
base::UniqueFd connect_to(const std::filesystem::path& agent) {
  base::UniqueFd fd = new_socket();
  const base::UniqueFd directory = open_directory_of(agent);
  const sockaddr_un address = address_of(agent, directory);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return {};
  }
  return fd;
}

// One question and answer after the other; both ends are local and small messages suffice.
struct Connection {
  base::UniqueFd step, agent;

  // False at the end of either side.
  bool pass_on(int from, int to) const {
    std::array<std::byte, 16384> buffer;
    const ssize_t count = ::recv(from, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count <= 0) return count < 0 && (errno == EAGAIN || errno == EINTR);
    std::span<const std::byte> rest(buffer.data(), static_cast<std::size_t>(count));
    while (!rest.empty()) {
      const ssize_t sent = ::send(to, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      rest = rest.subspan(static_cast<std::size_t>(sent));
    }
    return true;
  }
};

}  // namespace

struct SshForward::State {
  base::UniqueFd listener, path, stop;
  std::filesystem::path agent;
  std::list<Connection> connections;
  std::jthread thread;

  ~State() {
    const std::uint64_t one = 1;
    (void)!::write(stop.get(), &one, sizeof one);
  }

  void accept_one() {
    base::UniqueFd step(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!step || connections.size() >= kMaxConnections) return;
    base::UniqueFd to_agent = connect_to(agent);
    if (to_agent) connections.push_back({std::move(step), std::move(to_agent)});
  }

  // Until `stop` is written to.
  void run() {
    for (;;) {
      std::vector<pollfd> fds = {{stop.get(), POLLIN, 0}, {listener.get(), POLLIN, 0}};
      for (const Connection& connection : connections) {
        fds.push_back({connection.step.get(), POLLIN, 0});
        fds.push_back({connection.agent.get(), POLLIN, 0});
      }
      if (::poll(fds.data(), fds.size(), -1) < 0) continue;  // EINTR
      if (fds[0].revents != 0) return;
      std::size_t next = 2;
      std::erase_if(connections, [&](const Connection& connection) {
        const bool asked = fds[next++].revents != 0, answered = fds[next++].revents != 0;
        const int step = connection.step.get(), to_agent = connection.agent.get();
        return (asked && !connection.pass_on(step, to_agent)) ||
               (answered && !connection.pass_on(to_agent, step));
      });
      if (fds[1].revents != 0) accept_one();
    }
  }
};

SshForward::SshForward(const std::filesystem::path& directory, std::filesystem::path agent,
                       uid_t uid, gid_t gid, mode_t mode)
    : state_(std::make_unique<State>()) {
  const std::filesystem::path path = directory / "agent";
  state_->agent = std::move(agent);
  state_->listener = listen_on(path, uid, gid, mode);
  state_->path = base::UniqueFd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  state_->stop = base::UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (!state_->path || !state_->stop) throw base::Error::sys("open", path.string());
  state_->thread = std::jthread([state = state_.get()] { state->run(); });
}

SshForward::~SshForward() = default;
SshForward::SshForward(SshForward&&) noexcept = default;
SshForward& SshForward::operator=(SshForward&&) noexcept = default;

int SshForward::socket_fd() const { return state_->path.get(); }

}  // namespace bld::builder
