#include "runtime/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/process.h"
#include "tests/runtime/container.h"

namespace bld::runtime {
namespace {

using test::ContainerTest;
using test::runtime_here;

ResolvConfOptions from(const test::TempDir& temp, const std::string& host,
                       const std::string& upstream = "") {
  ResolvConfOptions options;
  options.host_file = temp.write("host", host);
  options.upstream_file = temp.write("upstream", upstream);
  return options;
}

TEST(ResolvConf, TheHostsServersAndSearchesAreKept) {
  const test::TempDir temp;
  const auto options =
      from(temp, "# x\nnameserver 10.0.0.1\nsearch a.example b.example\noptions ndots:2\n");
  const char* expected = "nameserver 10.0.0.1\nsearch a.example b.example\noptions ndots:2\n";
  EXPECT_EQ(resolv_conf_for(NetworkMode::kHost, options), expected);
  EXPECT_EQ(resolv_conf_for(NetworkMode::kPrivate, options), expected);
}

TEST(ResolvConf, AResolverOnLoopbackIsReplacedInAPrivateNetwork) {
  const test::TempDir temp;
  const auto options = from(temp, "nameserver 127.0.0.53\n", "nameserver 9.9.9.9\n");
  EXPECT_EQ(resolv_conf_for(NetworkMode::kHost, options), "nameserver 127.0.0.53\n");
  EXPECT_EQ(resolv_conf_for(NetworkMode::kPrivate, options), "nameserver 9.9.9.9\n");
  EXPECT_EQ(resolv_conf_for(NetworkMode::kPrivate, from(temp, "nameserver ::1\n")),
            "nameserver 169.254.1.1\n");
}

// PATH without pasta, for as long as this lives.
class OnlySlirp {
 public:
  OnlySlirp() {
    for (const char* name : {"slirp4netns"}) {
      const std::string found = base::find_program(name);
      if (!found.empty()) std::filesystem::create_symlink(found, temp_ / name);
    }
    ::setenv("PATH", temp_.path().c_str(), 1);
  }

  ~OnlySlirp() { ::setenv("PATH", before_.c_str(), 1); }

  OnlySlirp(const OnlySlirp&) = delete;
  OnlySlirp& operator=(const OnlySlirp&) = delete;

 private:
  test::TempDir temp_;
  std::string before_ = ::getenv("PATH");
};

TEST(ResolvConf, SlirpHasAResolverOfItsOwn) {
  if (base::find_program("slirp4netns").empty()) GTEST_SKIP() << "slirp4netns is not installed";
  const OnlySlirp path;
  const test::TempDir temp;
  EXPECT_EQ(resolv_conf_for(NetworkMode::kPrivate, from(temp, "nameserver 127.0.0.1\n")),
            "nameserver 10.0.2.3\n");
}

TEST(ResolvConf, WhatIsAskedForReplacesTheHosts) {
  const test::TempDir temp;
  auto options = from(temp, "nameserver 10.0.0.1\nsearch a\n");
  options.nameservers = {"1.1.1.1"};
  options.searches = {"b"};
  EXPECT_EQ(resolv_conf_for(NetworkMode::kHost, options), "nameserver 1.1.1.1\nsearch b\n");
}

TEST(HostsFile, NamesLocalhostTheContainerAndTheExtraOnes) {
  EXPECT_EQ(hosts_file(NetworkMode::kPrivate, "box", {{"db", "10.1.2.3"}}, "/nonexistent"),
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
            "10.1.2.3\tdb\n127.0.1.1\tbox\n");
}

TEST(HostsFile, WhatTheHostKnowsOfOtherMachinesIsKnown) {
  const test::TempDir temp;
  const auto file = temp.write("hosts",
                               "# mine\n127.0.0.1 localhost me\n::1 localhost\n"
                               "10.0.0.9\tmirror mirror.example # near\n\nfe80::1\n");
  const std::string own = hosts_file(NetworkMode::kHost, "", {}, "/nonexistent");
  EXPECT_EQ(hosts_file(NetworkMode::kPrivate, "", {}, file),
            own + "10.0.0.9\tmirror mirror.example\n");
  EXPECT_EQ(hosts_file(NetworkMode::kHost, "", {}, file),
            own + "127.0.0.1\tme\n10.0.0.9\tmirror mirror.example\n");
}

TEST(HostsFile, TheGatewayIsTheHost) {
  const std::vector<HostName> extra = {{"host", "host-gateway"}};
  EXPECT_NE(hosts_file(NetworkMode::kHost, "", extra).find("127.0.0.1\thost\n"), std::string::npos);
  EXPECT_THROW(hosts_file(NetworkMode::kNone, "", extra), base::Error);
}

class NetworkTest : public ContainerTest {};

TEST_F(NetworkTest, NoneHasOnlyLoopback) {
  ContainerSpec wanted = spec("ls /sys/class/net; ip -4 -o addr; ip route");
  wanted.network = NetworkMode::kNone;
  for (int i = 0; i < 2; ++i) {
    const auto result = run(wanted);
    EXPECT_TRUE(result.output.starts_with("lo\n1: lo    inet 127.0.0.1/8")) << result.output;
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 2) << result.output;
  }
}

TEST_F(NetworkTest, RunningContainersNeverShareANetwork) {
  std::vector<std::string> outputs(3);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const std::string number = std::to_string(i);
      std::filesystem::create_directories(*temp_ / ("upper" + number));
      std::filesystem::create_directories(*temp_ / ("work" + number));
      threads.emplace_back([this, i, number, &outputs] {
        ContainerSpec wanted = spec("readlink /proc/self/ns/net; sleep 0.5");
        wanted.root =
            OverlayRoot{{lower()}, *temp_ / ("upper" + number), *temp_ / ("work" + number)};
        wanted.network = NetworkMode::kNone;
        outputs[i] = run(wanted).output;
      });
    }
  }
  EXPECT_NE(outputs[0], outputs[1]);
  EXPECT_NE(outputs[1], outputs[2]);
  EXPECT_NE(outputs[0], outputs[2]);
}

TEST_F(NetworkTest, PrivateHasAnInterfaceAndARoute) {
  if (base::find_program("pasta").empty()) GTEST_SKIP() << "pasta is not installed";
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "/dev/net/tun is closed to us";
  ContainerSpec wanted = spec("ls /sys/class/net | grep -vc '^lo$'; ip route | grep -c default");
  wanted.network = NetworkMode::kPrivate;
  EXPECT_EQ(run(wanted).output, "1\n1\n");
  // The second step finds the network as the first one left it.
  wanted.args = {"sh", "-c", "readlink /proc/self/ns/net"};
  const std::string first = run(wanted).output;
  EXPECT_EQ(run(wanted).output, first);
}

// A service of the host's on its loopback address: it hangs up.
class Service {
 public:
  Service() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(socket_.get(), 4) != 0 ||
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw base::Error::sys("bind", "loopback");
    }
    port_ = ::ntohs(address.sin_port);
    thread_ = std::thread([this] {
      for (int caller; (caller = ::accept(socket_.get(), nullptr, nullptr)) >= 0;) ::close(caller);
    });
  }

  ~Service() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }

  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // A command's words that tell "reached" or "closed".
  std::string knock(const std::string& host) const {
    return fmt::format("nc -w 1 {} {} < /dev/null 2>&0 && echo reached || echo closed", host,
                       port_);
  }

 private:
  base::UniqueFd socket_;
  unsigned port_ = 0;
  std::thread thread_;
};

TEST_F(NetworkTest, ServicesOfTheHostAreReachedOnlyIfThatWasAskedFor) {
  if (base::find_program("pasta").empty()) GTEST_SKIP() << "pasta is not installed";
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "/dev/net/tun is closed to us";
  std::filesystem::create_symlink("busybox", lower() / "bin/nc");
  const Service service;
  ContainerSpec wanted =
      spec("gateway=$(ip route | grep default | cut -d' ' -f3); " + service.knock("$gateway") +
           "; " + service.knock("127.0.0.1") + "; " + service.knock("gateway"));
  wanted.network = NetworkMode::kPrivate;
  wanted.mounts = {FileMount{
      "/etc/hosts", hosts_file(wanted.network, "", {{"gateway", std::string(kHostGateway)}})}};
  EXPECT_EQ(run(wanted).output, "closed\nclosed\nclosed\n");
  wanted.host_access = HostAccess::kByGateway;
  EXPECT_EQ(run(wanted).output, "reached\nclosed\nreached\n");
}

TEST_F(NetworkTest, SlirpConnectsWherePastaIsNotInstalled) {
  if (base::find_program("slirp4netns").empty()) GTEST_SKIP() << "slirp4netns is not installed";
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "/dev/net/tun is closed to us";
  const OnlySlirp path;
  ContainerSpec wanted = spec("ls /sys/class/net; ip route | grep default");
  wanted.network = NetworkMode::kPrivate;
  const auto launcher = Launcher::start();  // with a pool in which nothing is connected yet
  base::Pipe pipe = base::make_pipe();
  wanted.stdout_fd = pipe.write.get();
  EXPECT_EQ(launcher->run(wanted, {}).status, 0);
  pipe.write.reset();
  EXPECT_EQ(base::read_fd(pipe.read.get(), 4096), "lo\ntap0\ndefault via 10.0.2.2 dev tap0 \n");
}

TEST_F(NetworkTest, WithoutEitherOnlyAPrivateOneIsAnError) {
  const std::string before = ::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  ContainerSpec wanted = spec("true");
  const auto launcher = Launcher::start();
  for (const NetworkMode mode : {NetworkMode::kHost, NetworkMode::kNone}) {
    wanted.network = mode;
    EXPECT_EQ(launcher->run(wanted, {}).status, 0);
  }
  wanted.network = NetworkMode::kPrivate;
  try {
    launcher->run(wanted, {});
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_NE(error.hint().find("apt install passt"), std::string::npos);
  }
  ::setenv("PATH", before.c_str(), 1);
}

}  // namespace
}  // namespace bld::runtime
