// An HTTP server on a loopback port that answers with whatever bytes a test wants.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace bld::test {

// One connection of a client. Any thread of the server; one request a connection.
class HttpPeer {
 public:
  HttpPeer(int fd, const std::atomic<bool>& stop) : fd_(fd), stop_(stop) {}

  // False when the client went away, or the test is over.
  bool send(std::string_view bytes) {
    while (!bytes.empty() && !stop_) {
      struct pollfd ready = {fd_, POLLOUT, 0};
      if (::poll(&ready, 1, 50) == 0) continue;
      const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return bytes.empty();
  }

  // Says nothing until the client goes away.
  void be_silent() {
    char byte = 0;
    while (!stop_) {
      struct pollfd ready = {fd_, POLLIN, 0};
      if (::poll(&ready, 1, 50) > 0 && ::recv(fd_, &byte, 1, MSG_DONTWAIT) <= 0) return;
    }
  }

  std::string read_head() {
    std::string head;
    char byte = 0;
    while (!stop_ && !head.ends_with("\r\n\r\n")) {
      struct pollfd ready = {fd_, POLLIN, 0};
      if (::poll(&ready, 1, 50) == 0) continue;
      if (::recv(fd_, &byte, 1, 0) != 1) break;
      head += byte;
    }
    return head;
  }

 private:
  int fd_;
  const std::atomic<bool>& stop_;
};

class HttpServer {
 public:
  // Called for each request with its head, in a thread of its own; the connection is closed behind.
  using Handler = std::function<void(HttpPeer& peer, const std::string& head)>;

  explicit HttpServer(Handler handler)
      : handler_(std::move(handler)), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    struct sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<struct sockaddr*>(&address);
    if (::bind(fd_.get(), generic, size) != 0 || ::listen(fd_.get(), 16) != 0 ||
        ::getsockname(fd_.get(), generic, &size) != 0) {
      throw std::runtime_error("no loopback port");
    }
    port_ = ntohs(address.sin_port);
    listener_ = std::thread([this] { listen(); });
  }

  ~HttpServer() {
    stop_ = true;
    listener_.join();
    for (std::thread& peer : peers_) peer.join();
  }

  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

  int requests() const { return requests_; }

 private:
  void listen() {
    while (!stop_) {
      struct pollfd ready = {fd_.get(), POLLIN, 0};
      if (::poll(&ready, 1, 50) <= 0) continue;
      const int client = ::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      peers_.emplace_back([this, client] {
        const base::UniqueFd owner(client);
        HttpPeer peer(client, stop_);
        const std::string head = peer.read_head();
        if (head.empty()) return;
        ++requests_;
        handler_(peer, head);
      });
    }
  }

  const Handler handler_;
  base::UniqueFd fd_;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<int> requests_ = 0;
  std::vector<std::thread> peers_;  // of the listener's thread, until it ended
  std::thread listener_;
};

}  // namespace bld::test
