// HTTP requests: TLS, limits, retries and redirects. The only file that knows libcurl is http.cc.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/mutex.h"
#include "registry/url.h"

namespace bld::registry {

// The connection could not be made, or ended before the answer did.
class BrokenConnection : public base::Error {
 public:
  enum class Kind {
    kRefused,  // nobody listens, or no such host: trying again at once does not help
    kTls,      // no TLS there, or a certificate that is not trusted
    kBroken,
  };

  BrokenConnection(Kind kind, const std::string& text) : base::Error("{}", text), kind_(kind) {}

  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

struct HttpOptions {
  bool verify_tls = true;
  std::filesystem::path cert_dir;  // empty: certs.d of the user and of the machine
  std::string cert_host;           // "HOST[:PORT]" to which certificates of certs.d belong
  int tries = 6;                   // the first one and 5 more
  std::chrono::milliseconds first_pause{1000};  // doubled each time
  std::chrono::seconds silence{30};  // no byte of an answer for so long: the connection is broken
  std::stop_token stop;
};

struct HttpRequest {
  std::string method = "GET";
  Url url;
  std::vector<std::pair<std::string, std::string>> headers;
  // "Bearer …", "Basic …": goes to the origin of `url` only, whatever redirects say.
  std::string authorization;
  std::string body;
  // A body that is read as it is sent; asked for again when the request is sent again.
  std::function<std::unique_ptr<base::ByteSource>()> open_body;
  std::uint64_t body_size = 0;
  bool retry = true;
  std::chrono::seconds timeout{0};  // of the whole exchange; 0: as long as bytes come
};

struct HttpConnections;  // those that are kept open

// An answer whose body is read as it comes. One thread at a time; dropping it ends the connection
// unless all was read.
class HttpStream : public base::ByteSource {
 public:
  ~HttpStream() override;
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;

  int status() const;
  // The value of the first header of that (lower-case) name, or empty.
  std::string header(std::string_view name) const;
  std::vector<std::string> headers(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all_headers() const;  // lower-case names
  const Url& url() const;                                                       // after redirects

  // Throws BrokenConnection where the body ends too early.
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  friend class Http;
  struct Exchange;
  explicit HttpStream(std::unique_ptr<Exchange> exchange);

  std::unique_ptr<Exchange> exchange_;
};

struct HttpResponse {
  int status = 0;
  std::string body;
  Url url;
  std::vector<std::pair<std::string, std::string>> all_headers;  // names in lower case

  std::string header(std::string_view name) const;
};

// Any thread. Connections are kept for the next request.
class Http {
 public:
  explicit Http(HttpOptions options);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  // Follows redirects; tries again after 429, 502, 503, 504 and broken connections. Any other
  // status is a value.
  std::unique_ptr<HttpStream> open(const HttpRequest& request);
  // The same with the whole body, of at most `limit_bytes`.
  HttpResponse send(const HttpRequest& request, std::size_t limit_bytes);

  // Waits before try number `attempt` (from 1 on); throws when canceled.
  void pause(int attempt, std::string_view retry_after);

  const HttpOptions& options() const { return options_; }

 private:
  std::unique_ptr<HttpStream> open_once(const HttpRequest& request);
  std::unique_ptr<HttpStream> exchange(const HttpRequest& request, const Url& url,
                                       bool same_origin);

  HttpOptions options_;
  std::unique_ptr<HttpConnections> connections_;
};

}  // namespace bld::registry
