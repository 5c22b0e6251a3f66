#include "registry/http.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <mutex>
#include <optional>

#include "base/check.h"
#include "base/text.h"
#include "registry/certificates.h"
#include "registry/libcurl.h"

namespace bld::registry {

namespace {

constexpr int kMaxRedirects = 10;
constexpr long kConnectSeconds = 15;
constexpr long kSilentUploadSeconds = 120;  // a registry hashes what it was sent before it answers
constexpr std::size_t kBufferBytes = 1 << 20;
constexpr std::size_t kMaxHeaderBytes = 64 << 10;
constexpr std::size_t kMaxHeaders = 100;
constexpr std::chrono::seconds kMaxRetryAfter{60};
constexpr int kPollMilliseconds = 100;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_worth_retrying(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

BrokenConnection::Kind kind_of(CURLcode code, long os_error, const Url& url) {
  using Kind = BrokenConnection::Kind;
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Kind::kRefused;
    case CURLE_COULDNT_CONNECT:
      return os_error == ECONNREFUSED || url.is_loopback() ? Kind::kRefused : Kind::kBroken;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return Kind::kTls;
    default:
      return Kind::kBroken;
  }
}

// In the words that people search for, where those of libcurl and OpenSSL are others.
std::string cause_of(std::string_view why, long os_error) {
  const auto says = [&](std::string_view words) { return why.find(words) != why.npos; };
  if (os_error == ECONNREFUSED) return "connection refused: ";
  if (says("local issuer certificate") || says("self-signed certificate")) {
    return "certificate signed by unknown authority: ";
  }
  if (says("wrong version number")) return "server gave HTTP response to HTTPS client: ";
  return "";
}

std::chrono::milliseconds parse_retry_after(std::string_view text) {
  if (const auto seconds = base::parse_unsigned(text)) {
    return std::chrono::seconds(std::min<unsigned long long>(*seconds, kMaxRetryAfter.count()));
  }
  const std::time_t when = curl::getdate(std::string(text).c_str(), nullptr);
  if (when < 0) return {};
  const std::chrono::seconds wait(when - std::time(nullptr));
  return std::clamp(wait, std::chrono::seconds(0), kMaxRetryAfter);
}

void start_curl() {
  static const CURLcode code = curl::global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) throw base::Error("libcurl does not start: {}", curl::easy_strerror(code));
}

template <typename Value>
void set(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl::easy_setopt(easy, option, value);
  if (code != CURLE_OK) throw base::Error("libcurl: {}", curl::easy_strerror(code));
}

}  // namespace

// Multi handles hold the open connections; one at a time drives one exchange.
struct HttpConnections {
  ~HttpConnections() {
    for (CURLM* multi : idle) curl::multi_cleanup(multi);
  }

  CURLM* take() EXCLUDES(mutex) {
    base::MutexLock lock(mutex);
    if (idle.empty()) {
      CURLM* multi = curl::multi_init();
      if (multi == nullptr) throw base::Error("libcurl: out of memory");
      return multi;
    }
    CURLM* multi = idle.back();
    idle.pop_back();
    return multi;
  }

  void give_back(CURLM* multi) EXCLUDES(mutex) {
    base::MutexLock lock(mutex);
    idle.push_back(multi);
  }

  Certificates certificates;
  base::Mutex mutex;
  std::vector<CURLM*> idle GUARDED_BY(mutex);
};

// One request and its answer. Exceptions do not cross libcurl: callbacks keep them in `failure`.
struct HttpStream::Exchange {
  Exchange(HttpConnections& owner, Url address, std::stop_token stop_token)
      : connections(owner), url(std::move(address)), stop(std::move(stop_token)) {
    easy = curl::easy_init();
    if (easy == nullptr) throw base::Error("libcurl: out of memory");
    multi = connections.take();
  }

  ~Exchange() {
    if (added) curl::multi_remove_handle(multi, easy);
    curl::easy_cleanup(easy);
    curl::slist_free_all(header_list);
    connections.give_back(multi);
  }

  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void add_header(const std::string& line) {
    curl_slist* longer = curl::slist_append(header_list, line.c_str());
    if (longer == nullptr) throw base::Error("libcurl: out of memory");
    header_list = longer;
  }

  void start() {
    set(easy, CURLOPT_HTTPHEADER, header_list);
    if (curl::multi_add_handle(multi, easy) != CURLM_OK) throw base::Error("libcurl: no handle");
    added = true;
  }

  // Goes on until the headers are there, or some of the body, or the end.
  enum class Until { kHeaders, kBody };

  void drive(Until until) {
    const auto reached = [&] {
      return finished || (until == Until::kHeaders ? headers_done : consumed < buffer.size());
    };
    heard = std::chrono::steady_clock::now();  // whoever reads may have taken his time
    while (!reached()) {
      if (stop.stop_requested()) throw base::Error("canceled");
      if (silence.count() > 0 && std::chrono::steady_clock::now() - heard > silence) {
        throw BrokenConnection(
            BrokenConnection::Kind::kBroken,
            fmt::format("{}: the server says nothing for {} s", url.shown(), silence.count()));
      }
      if (paused) {
        paused = false;
        curl::easy_pause(easy, CURLPAUSE_CONT);
      }
      int running = 0;
      curl::multi_perform(multi, &running);
      take_result();
      if (failure) std::rethrow_exception(failure);
      if (reached()) break;
      curl::multi_poll(multi, nullptr, 0, kPollMilliseconds, nullptr);
    }
    if (!finished || result == CURLE_OK) return;
    // What came before the break is handed out first.
    if (until == Until::kHeaders ? !headers_done : consumed == buffer.size()) fail();
  }

  void take_result() {
    int left = 0;
    while (CURLMsg* message = curl::multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      finished = true;
      result = message->data.result;
    }
  }

  [[noreturn]] void fail() const {
    long os_error = 0;
    curl::easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
    const char* why = error_text[0] != '\0' ? error_text : curl::easy_strerror(result);
    throw BrokenConnection(kind_of(result, os_error, url),
                           url.shown() + ": " + cause_of(why, os_error) + base::printable(why));
  }

  std::size_t take_body(const char* bytes, std::size_t size) {
    if (buffer.size() - consumed >= kBufferBytes) {
      paused = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    if (consumed == buffer.size()) {
      buffer.clear();
      consumed = 0;
    }
    buffer.append(bytes, size);
    return size;
  }

  void take_header(std::string_view line) {
    // Interim answers and trailers count, too: there may be no end of them.
    header_bytes += line.size();
    if (headers.size() >= kMaxHeaders || header_bytes > kMaxHeaderBytes) {
      throw base::Error("{}: the answer has too many headers", url.shown());
    }
    if (line.starts_with("HTTP/")) {  // the first line, also after "100 Continue"
      if (headers_done) return;
      headers.clear();
      const std::size_t blank = std::min(line.find(' '), line.size());
      const auto code = base::parse_unsigned(base::trim(line.substr(blank)).substr(0, 3));
      status = code ? static_cast<int>(*code) : 0;
      return;
    }
    if (headers_done) return;  // trailers
    if (base::trim(line).empty()) {
      headers_done = status >= 200;
      return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    headers.emplace_back(base::to_lower(base::trim(line.substr(0, colon))),
                         std::string(base::trim(line.substr(colon + 1))));
  }

  // ── called by libcurl ──────────────────────────────────────────────────────────────────────
  static std::size_t on_body(char* bytes, std::size_t one, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    exchange.heard = std::chrono::steady_clock::now();
    return exchange.guarded([&] { return exchange.take_body(bytes, one * count); });
  }

  static std::size_t on_header(char* bytes, std::size_t one, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    exchange.heard = std::chrono::steady_clock::now();
    return exchange.guarded([&] {
      exchange.take_header(std::string_view(bytes, one * count));
      return one * count;
    });
  }

  static std::size_t on_upload(char* bytes, std::size_t one, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    const std::size_t read = exchange.guarded([&] {
      if (!exchange.upload) exchange.upload = exchange.open_upload();
      return exchange.upload->read(std::as_writable_bytes(std::span(bytes, one * count)));
    });
    return exchange.failure ? CURL_READFUNC_ABORT : read;
  }

  // A kept connection turned out to be dead: from the beginning on a new one, unless our caller
  // wants to know how much has arrived.
  static int on_rewind(void* self, curl_off_t offset, int origin) {
    auto& exchange = *static_cast<Exchange*>(self);
    if (offset != 0 || origin != SEEK_SET || !exchange.may_repeat) return CURL_SEEKFUNC_FAIL;
    exchange.upload.reset();
    return CURL_SEEKFUNC_OK;
  }

  template <typename Function>
  std::size_t guarded(Function function) {
    try {
      return function();
    } catch (...) {
      failure = std::current_exception();
      return 0;
    }
  }

  HttpConnections& connections;
  const Url url;
  const std::stop_token stop;
  // libcurl's own limit is on an average of several seconds, which is not silence.
  std::chrono::seconds silence{0};  // 0: any
  std::chrono::steady_clock::time_point heard;
  CURL* easy = nullptr;
  CURLM* multi = nullptr;
  bool added = false;
  curl_slist* header_list = nullptr;
  char error_text[CURL_ERROR_SIZE] = {};
  std::function<std::unique_ptr<base::ByteSource>()> open_upload;
  std::unique_ptr<base::ByteSource> upload;
  bool may_repeat = true;
  std::string sent_body;

  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::size_t header_bytes = 0;
  bool headers_done = false, finished = false, paused = false;
  CURLcode result = CURLE_OK;
  std::string buffer;
  std::size_t consumed = 0;
  std::exception_ptr failure;
};

HttpStream::HttpStream(std::unique_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}

HttpStream::~HttpStream() = default;

int HttpStream::status() const { return exchange_->status; }

const Url& HttpStream::url() const { return exchange_->url; }

std::string HttpStream::header(std::string_view name) const {
  for (const auto& [header, value] : exchange_->headers) {
    if (header == name) return value;
  }
  return "";
}

const std::vector<std::pair<std::string, std::string>>& HttpStream::all_headers() const {
  return exchange_->headers;
}

std::vector<std::string> HttpStream::headers(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [header, value] : exchange_->headers) {
    if (header == name) values.push_back(value);
  }
  return values;
}

std::size_t HttpStream::read(std::span<std::byte> buffer) {
  if (buffer.empty()) return 0;
  Exchange& exchange = *exchange_;
  exchange.drive(Exchange::Until::kBody);
  const std::size_t count = std::min(buffer.size(), exchange.buffer.size() - exchange.consumed);
  if (count > 0) std::memcpy(buffer.data(), exchange.buffer.data() + exchange.consumed, count);
  exchange.consumed += count;
  return count;
}

std::string HttpResponse::header(std::string_view name) const {
  for (const auto& [header, value] : all_headers) {
    if (header == name) return value;
  }
  return "";
}

Http::Http(HttpOptions options) : options_(std::move(options)) {
  start_curl();
  connections_ = std::make_unique<HttpConnections>();
  if (!options_.cert_host.empty()) {
    connections_->certificates = find_certificates(options_.cert_dir, options_.cert_host);
  }
}

Http::~Http() = default;

namespace {

void set_tls(CURL* easy, const HttpOptions& options, Certificates& certificates, bool same_origin) {
  set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(easy, CURLOPT_SSL_VERIFYPEER, options.verify_tls ? 1L : 0L);
  set(easy, CURLOPT_SSL_VERIFYHOST, options.verify_tls ? 2L : 0L);
  if (!same_origin) return;  // certs.d is about one registry
  if (!certificates.authorities.empty()) {
    struct curl_blob blob = {certificates.authorities.data(), certificates.authorities.size(),
                             CURL_BLOB_COPY};
    set(easy, CURLOPT_CAINFO_BLOB, &blob);
  }
  if (!certificates.client_certificate.empty()) {
    set(easy, CURLOPT_SSLCERT, certificates.client_certificate.c_str());
    set(easy, CURLOPT_SSLKEY, certificates.client_key.c_str());
  }
}

bool reads(const HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

void set_limits(CURL* easy, const HttpRequest& request, const Url& url) {
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);  // redirects are ours: credentials stay at their origin
  set(easy, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  set(easy, CURLOPT_TIMEOUT, static_cast<long>(request.timeout.count()));
  if (!reads(request)) {
    set(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(easy, CURLOPT_LOW_SPEED_TIME, kSilentUploadSeconds);
  }
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_QUICK_EXIT, 1L);  // who cancels does not wait for a name server
  // What a proxy answers to CONNECT is not the answer.
  set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  if (url.is_loopback()) set(easy, CURLOPT_NOPROXY, "*");
}

}  // namespace

std::unique_ptr<HttpStream> Http::exchange(const HttpRequest& request, const Url& url,
                                           bool same_origin) {
  if (options_.verify_tls && url.scheme() == "http") {
    base::Error error("{}: plain http is not used", url.shown());
    error.hint("--tls-verify=false allows it");
    throw error;
  }
  auto exchange = std::make_unique<HttpStream::Exchange>(*connections_, url, options_.stop);
  using Exchange = HttpStream::Exchange;
  CURL* easy = exchange->easy;
  set(easy, CURLOPT_URL, url.str().c_str());
  set(easy, CURLOPT_ERRORBUFFER, exchange->error_text);
  set(easy, CURLOPT_USERAGENT, "bld");
  set(easy, CURLOPT_WRITEFUNCTION, &Exchange::on_body);
  set(easy, CURLOPT_WRITEDATA, exchange.get());
  set(easy, CURLOPT_HEADERFUNCTION, &Exchange::on_header);
  set(easy, CURLOPT_HEADERDATA, exchange.get());
  set_limits(easy, request, url);
  if (reads(request)) exchange->silence = options_.silence;
  set_tls(easy, options_, connections_->certificates, same_origin);
  if (request.open_body) {
    exchange->open_upload = request.open_body;
    exchange->may_repeat = request.retry;
    set(easy, CURLOPT_UPLOAD, 1L);
    set(easy, CURLOPT_READFUNCTION, &Exchange::on_upload);
    set(easy, CURLOPT_READDATA, exchange.get());
    set(easy, CURLOPT_SEEKFUNCTION, &Exchange::on_rewind);
    set(easy, CURLOPT_SEEKDATA, exchange.get());
    set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body_size));
  } else if (request.method == "HEAD") {
    set(easy, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET" && request.method != "DELETE") {
    exchange->sent_body = request.body;
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(easy, CURLOPT_POSTFIELDS, exchange->sent_body.c_str());
  }
  set(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  for (const auto& [name, value] : request.headers) exchange->add_header(name + ": " + value);
  if (same_origin && !request.authorization.empty()) {
    exchange->add_header("Authorization: " + request.authorization);
  }
  exchange->add_header("Expect:");  // some registries never answer it, which costs a second
  exchange->start();
  exchange->drive(Exchange::Until::kHeaders);
  return std::unique_ptr<HttpStream>(new HttpStream(std::move(exchange)));
}

std::unique_ptr<HttpStream> Http::open_once(const HttpRequest& request) {
  Url url = request.url;
  bool same_origin = true;
  for (int hops = 0; hops <= kMaxRedirects; ++hops) {
    auto stream = exchange(request, url, same_origin);
    const int status = stream->status();
    const std::string location = stream->header("location");
    const bool keeps_method = status == 307 || status == 308;
    if (!is_redirect(status) || location.empty() || !(reads(request) || keeps_method))
      return stream;
    url = url.resolve(location);
    same_origin = same_origin && url.origin() == request.url.origin();
  }
  throw base::Error("{}: more than {} redirects", request.url.shown(), kMaxRedirects);
}

std::unique_ptr<HttpStream> Http::open(const HttpRequest& request) {
  for (int attempt = 1;; ++attempt) {
    const bool is_last = !request.retry || attempt >= options_.tries;
    std::string retry_after;
    try {
      auto stream = open_once(request);
      if (is_last || !is_worth_retrying(stream->status())) return stream;
      retry_after = stream->header("retry-after");
    } catch (const BrokenConnection& error) {
      if (is_last || error.kind() != BrokenConnection::Kind::kBroken) throw;
    }
    pause(attempt, retry_after);
  }
}

HttpResponse Http::send(const HttpRequest& request, std::size_t limit_bytes) {
  for (int attempt = 1;; ++attempt) {
    const auto stream = open(request);
    try {
      HttpResponse response;
      response.status = stream->status();
      response.url = stream->url();
      response.all_headers = stream->all_headers();
      response.body = base::read_to_end(*stream, limit_bytes);
      return response;
    } catch (const BrokenConnection&) {
      if (!request.retry || attempt >= options_.tries) throw;
    }
    pause(attempt, "");
  }
}

void Http::pause(int attempt, std::string_view retry_after) {
  std::chrono::milliseconds wait = options_.first_pause * (1 << std::clamp(attempt - 1, 0, 5));
  if (!retry_after.empty()) wait = parse_retry_after(retry_after);
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock<std::mutex> lock(mutex);
  wake.wait_for(lock, options_.stop, wait, [] { return false; });
  if (options_.stop.stop_requested()) throw base::Error("canceled");
}

}  // namespace bld::registry
