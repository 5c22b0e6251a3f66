#include "builder/add_remote.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/file_io.h"
#include "base/unique_fd.h"
#include "tests/support/temp_dir.h"

namespace bld::builder {
namespace {

// Answers each GET with the text that belongs to its path, and closes the connection.
class CannedServer {
 public:
  explicit CannedServer(std::map<std::string, std::string> answers)
      : answers_(std::move(answers)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    struct sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<struct sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    ::getsockname(listener_.get(), reinterpret_cast<struct sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }

  ~CannedServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  void serve() {
    for (;;) {
      const base::UniqueFd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer) return;
      std::string request;
      char buffer[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t count = ::recv(peer.get(), buffer, sizeof buffer, 0);
        if (count <= 0) break;
        request.append(buffer, static_cast<std::size_t>(count));
      }
      const std::size_t start = request.find(' ') + 1;
      const std::string path = request.substr(start, request.find(' ', start) - start);
      const auto found = answers_.find(path);
      const std::string answer = found != answers_.end()
                                     ? found->second
                                     : "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
                                       "Connection: close\r\n\r\n";
      (void)!::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }

  std::map<std::string, std::string> answers_;
  base::UniqueFd listener_;
  int port_ = 0;
  std::thread thread_;
};

std::string ok(const std::string& body, const std::string& headers = "") {
  return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + headers + "\r\n" + body;
}

class AddRemote : public ::testing::Test {
 protected:
  std::string text(const FetchedSource& source) const {
    return base::read_fd(source.root->open_regular(source.path).get(), 1 << 20);
  }

  std::string error_of(const std::string& url, const RemoteOptions& options = {}) const {
    try {
      fetch_remote(url, options, scratch, {});
    } catch (const base::Error& error) {
      EXPECT_TRUE(scratch.names().empty()) << "something is left";
      return error.what();
    }
    return "no error";
  }

  test::TempDir dir;
  base::RootedDir scratch = base::RootedDir::open(dir.path());
};

TEST_F(AddRemote, AFileHasItsTimeItsNameAndMode0600) {
  const CannedServer server(
      {{"/a/file%20x.txt?q=1",
        ok("from the net\n", "Last-Modified: Tue, 02 Jan 2024 03:04:05 GMT\r\n")}});
  const FetchedSource source = fetch_remote(server.url() + "/a/file%20x.txt?q=1", {}, scratch, {});
  EXPECT_EQ(text(source), "from the net\n");
  EXPECT_EQ(source.name, "file x.txt");
  const auto status = source.root->lstat(source.path);
  EXPECT_EQ(status->st_mode & 07777, 0600U);
  EXPECT_EQ(status->st_mtim.tv_sec, 1704164645);
}

TEST_F(AddRemote, WithoutATimeItIsTheEpochAndWithoutANameEmpty) {
  const CannedServer server({{"/", ok("x", "Last-Modified: yesterday\r\n")}});
  const FetchedSource source = fetch_remote(server.url() + "/", {}, scratch, {});
  EXPECT_EQ(source.root->lstat(source.path)->st_mtim.tv_sec, 0);
  EXPECT_EQ(source.name, "");
}

TEST_F(AddRemote, TheChecksumIsVerifiedBeforeAnythingIsReturned) {
  const CannedServer server({{"/hello", ok("hello\n")}});
  const std::string good =
      "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
  const std::string bad = "sha256:" + std::string(64, '0');
  EXPECT_NE(error_of(server.url() + "/hello", {.checksum = bad}).find("mismatch"),
            std::string::npos);
  EXPECT_NE(error_of(server.url() + "/hello", {.checksum = "sha256:12"}), "no error");
  EXPECT_EQ(text(fetch_remote(server.url() + "/hello", {.checksum = good}, scratch, {})),
            "hello\n");
}

TEST_F(AddRemote, MissingAndOverlongFilesAreErrorsThatNameTheUrl) {
  const CannedServer server({{"/long", ok(std::string(1000, 'x'))}});
  const std::string missing = error_of(server.url() + "/gone.txt?token=secret");
  EXPECT_NE(missing.find("404"), std::string::npos);
  EXPECT_NE(missing.find("gone.txt"), std::string::npos);
  EXPECT_EQ(missing.find("secret"), std::string::npos);
  EXPECT_NE(error_of(server.url() + "/long", {.access = {.connection = {}, .max_bytes = 999}})
                .find("999"),
            std::string::npos);
}

TEST_F(AddRemote, TellsRemoteSourcesFromLocalOnes) {
  for (const char* text : {"http://h/x", "https://h/x", "git@h:r", "git://h/r", "ssh://h/r"}) {
    EXPECT_TRUE(is_remote_source(text)) << text;
  }
  for (const char* text : {"http:/x", "a/http://x", "ftp://h/x", "r.git", "x"}) {
    EXPECT_FALSE(is_remote_source(text)) << text;
  }
}

}  // namespace
}  // namespace bld::builder
