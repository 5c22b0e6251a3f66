#include "runtime/network_pool.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <exception>
#include <thread>

#include "base/error.h"
#include "base/file_io.h"
#include "base/process.h"
#include "base/text.h"
#include "runtime/id_map.h"
#include "runtime/network.h"

namespace bld::runtime {
namespace {

// Runs `body` in a thread of its own, which may then change its namespace. Throws what it throws.
template <typename Body>
void in_own_thread(Body body) {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      body();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

void bring_loopback_up() {
  const base::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) throw base::Error::sys("socket", "loopback");
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
    throw base::Error::sys("ioctl", "bringing up lo");
  }
}

base::UniqueFd make_namespace() {
  base::UniqueFd result;
  in_own_thread([&result] {
    if (::unshare(CLONE_NEWNET) != 0) throw base::Error::sys("unshare", "network namespace");
    bring_loopback_up();
    result.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!result) throw base::Error::sys("open", "/proc/thread-self/ns/net");
  });
  return result;
}

// Whether the namespace has an interface besides lo and a route to somewhere.
bool is_connected(int network) {
  bool connected = false;
  in_own_thread([network, &connected] {
    if (::setns(network, CLONE_NEWNET) != 0) throw base::Error::sys("setns", "network namespace");
    for (const char* table : {"/proc/thread-self/net/route", "/proc/thread-self/net/ipv6_route"}) {
      const base::UniqueFd file(::open(table, O_RDONLY | O_CLOEXEC));
      if (!file) continue;
      const std::string routes = base::read_fd(file.get(), 1 << 20);
      const bool ipv6 = std::string_view(table).ends_with("ipv6_route");
      for (const std::string& line : base::split(routes, '\n')) {
        // IPv4: the interface comes first, below a headline. IPv6: it comes last.
        const std::string_view text = base::trim(line);
        if (text.empty() || text.starts_with("Iface")) continue;
        const bool loopback = ipv6 ? text.ends_with(" lo") : text.starts_with("lo\t");
        if (ipv6 && text.starts_with("fe80")) continue;  // link-local
        if (!loopback) connected = true;
      }
    }
  });
  return connected;
}

// A program's last words, for an error message.
std::string read_messages(int fd) {
  if (::lseek(fd, 0, SEEK_SET) != 0) return "";
  std::string text = base::read_fd(fd, 1 << 16);
  return base::printable(base::trim(text));
}

}  // namespace

struct NetworkPool::Network {
  NetworkMode mode = NetworkMode::kNone;
  HostAccess host_access = HostAccess::kClosed;
  base::UniqueFd name_space;
  std::unique_ptr<Helper> helper;  // ends before the namespace does
};

NetworkPool::Lease::Lease(NetworkPool* pool, std::unique_ptr<Network> network)
    : pool_(pool), network_(std::move(network)) {}

NetworkPool::Lease::Lease(Lease&& other) noexcept
    : pool_(other.pool_), network_(std::move(other.network_)), spoiled_(other.spoiled_) {}

NetworkPool::Lease::~Lease() {
  if (network_ && !spoiled_) pool_->give_back(std::move(network_));
}

int NetworkPool::Lease::fd() const { return network_ ? network_->name_space.get() : -1; }

NetworkPool::NetworkPool(HelperStarter start_helper) : start_helper_(std::move(start_helper)) {}

NetworkPool::~NetworkPool() = default;

namespace {

struct Command {
  std::string program;
  std::vector<std::string> args;
};

// What connects a namespace to the outside here. pasta copies the host's addresses and routes;
// none of the host's ports are forwarded inwards, and none of the container's outwards.
//
// Both get the namespace as their standard input: it is the one descriptor that they do not close,
// and they gave up the right to look at those of other processes.
Command user_mode_network(HostAccess host_access) {
  const std::string name_space = "/proc/self/fd/0";
  if (std::string pasta = base::find_program("pasta"); !pasta.empty()) {
    Command command{
        pasta,
        {"pasta", "--foreground", "--quiet", "--config-net", "--netns-only", "--no-netns-quit",
         "--netns", name_space, "-t", "none", "-u", "none", "-T", "none", "-U", "none"}};
    if (host_access == HostAccess::kClosed) command.args.emplace_back("--no-map-gw");
    // Only where the containers are told of that address: pasta of 2023 answers no other one then.
    const std::string resolv_conf = resolv_conf_for(NetworkMode::kPrivate);
    if (resolv_conf.find(kForwardedNameserver) != std::string::npos) {
      command.args.insert(command.args.end(), {"--dns-forward", std::string(kForwardedNameserver)});
    }
    // As root of the machine pasta would become "nobody", who may not enter the namespace.
    if (!is_user_namespace()) command.args.insert(command.args.end(), {"--runas", "0:0"});
    return command;
  }
  if (std::string slirp = base::find_program("slirp4netns"); !slirp.empty()) {
    Command command{slirp, {"slirp4netns", "--configure", "--mtu=65520", "--netns-type=path"}};
    if (host_access == HostAccess::kClosed) command.args.emplace_back("--disable-host-loopback");
    command.args.insert(command.args.end(), {name_space, "tap0"});
    return command;
  }
  throw base::Error("a private network needs pasta or slirp4netns, and neither is installed")
      .hint("sudo apt install passt, or use --network=host or --network=none");
}

std::unique_ptr<Helper> connect(int name_space, HostAccess host_access,
                                const HelperStarter& start_helper) {
  using namespace std::chrono_literals;
  const Command command = user_mode_network(host_access);
  const base::UniqueFd messages(::memfd_create("bld-network", MFD_CLOEXEC));
  std::unique_ptr<Helper> helper =
      start_helper({command.program, command.args, name_space, messages.get()});
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  for (auto pause = 1ms; !is_connected(name_space); pause = std::min(pause * 2, 50ms)) {
    const bool running = helper->running();
    if (running && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(pause);
      continue;
    }
    throw base::Error("{} {}: {}", command.args[0],
                      running ? "did not connect the network in 10 s" : "failed",
                      read_messages(messages.get()))
        .hint("--network=host and --network=none need no user-mode network");
  }
  return helper;
}

}  // namespace

NetworkPool::Lease NetworkPool::acquire(NetworkMode mode, HostAccess host_access) {
  if (mode == NetworkMode::kHost) return {};
  {
    const base::MutexLock lock(mutex_);
    for (auto candidate = idle_.begin(); candidate != idle_.end(); ++candidate) {
      if ((*candidate)->mode != mode || (*candidate)->host_access != host_access) continue;
      std::unique_ptr<Network> network = std::move(*candidate);
      idle_.erase(candidate);
      if (network->helper && !network->helper->running()) break;  // it died: make a new one
      return {this, std::move(network)};
    }
  }
  auto network = std::make_unique<Network>();
  network->mode = mode;
  network->host_access = host_access;
  network->name_space = make_namespace();
  if (mode == NetworkMode::kPrivate) {
    network->helper = connect(network->name_space.get(), host_access, start_helper_);
  }
  return {this, std::move(network)};
}

void NetworkPool::give_back(std::unique_ptr<Network> network) {
  const base::MutexLock lock(mutex_);
  idle_.push_back(std::move(network));
}

}  // namespace bld::runtime
