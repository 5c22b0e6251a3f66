// Registries of one test: Debian's docker-registry, and a server that does what it is told to.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/process.h"
#include "tests/support/temp_dir.h"

namespace bld::test {

// A port of 127.0.0.1 that was free a moment ago.
inline int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<struct sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd, reinterpret_cast<struct sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no free port");
  }
  ::close(fd);
  return ntohs(address.sin_port);
}

inline bool listens(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool is_up =
      ::connect(fd, reinterpret_cast<struct sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return is_up;
}

// A program that listens on a port until this object dies.
class Server {
 public:
  Server(std::vector<std::string> args, int port, const std::filesystem::path& log) : port_(port) {
    std::vector<char*> argv;
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (std::freopen(log.c_str(), "w", stdout) == nullptr) ::_exit(126);
      ::dup2(1, 2);
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
    for (int i = 0; i < 600 && !listens(port_); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = -1;
        throw std::runtime_error(args[0] + " did not start");
      }
    }
  }

  ~Server() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int port_;
  pid_t pid_ = -1;
};

// Debian's docker-registry, without TLS, with its data in a directory of the test.
class DockerRegistry {
 public:
  static bool is_installed() { return !base::find_program("docker-registry").empty(); }

  DockerRegistry() : port_(free_port()) {
    const std::string config =
        "version: 0.1\nlog: {level: warn}\nstorage:\n  filesystem: {rootdirectory: " +
        (directory_ / "data").string() +
        "}\n  delete: {enabled: true}\nhttp:\n  addr: 127.0.0.1:" + std::to_string(port_) +
        "\n  secret: test\n";
    const auto file = directory_.write("config.yml", config);
    server_ = std::make_unique<Server>(
        std::vector<std::string>{"docker-registry", "serve", file.string()}, port_,
        directory_ / "log");
  }

  std::string host() const { return server_->host(); }

 private:
  TempDir directory_;
  int port_;
  std::unique_ptr<Server> server_;
};

// fake_registry.py: a registry in memory whose answers a scenario spoils; see there.
class FakeRegistry {
 public:
  explicit FakeRegistry(const std::string& scenario, const std::string& foreign = "",
                        const std::string& certificate = "")
      : port_(free_port()) {
    server_ = std::make_unique<Server>(
        std::vector<std::string>{"python3", std::string(BLD_TEST_SOURCES) + "/fake_registry.py",
                                 std::to_string(port_), scenario, (directory_ / "seen").string(),
                                 foreign, certificate},
        port_, directory_ / "log");
  }

  std::string host() const { return server_->host(); }

  // One line for each request: "METHOD PATH Authorization|- Range|-".
  std::vector<std::string> seen() const {
    std::ifstream file(directory_ / "seen");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  std::size_t count(const std::string& part) const {
    std::size_t found = 0;
    for (const std::string& line : seen()) found += line.find(part) != std::string::npos ? 1U : 0U;
    return found;
  }

 private:
  TempDir directory_;
  int port_;
  std::unique_ptr<Server> server_;
};

}  // namespace bld::test
