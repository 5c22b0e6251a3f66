#include "registry/client.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "image/media_type.h"

namespace bld::registry {

namespace {

constexpr std::size_t kMaxErrorAnswer = 1 << 20;
constexpr std::size_t kMaxManifest = base::Json::kMaximumBytes;
constexpr std::uint64_t kProgressThatCounts = 1 << 20;  // of a blob, between two broken connections

std::string accepted_types() {
  using image::MediaType;
  std::string types;
  for (const MediaType type : {MediaType::kOciManifest, MediaType::kOciIndex,
                               MediaType::kDockerManifest, MediaType::kDockerManifestList}) {
    types += (types.empty() ? "" : ", ") + std::string(image::media_type_text(type));
  }
  return types;
}

HttpOptions http_options(const image::Reference& repository, const ConnectionOptions& options,
                         std::stop_token stop) {
  HttpOptions http;
  http.verify_tls = options.tls_verify;
  http.cert_dir = options.cert_dir;
  http.cert_host = repository.registry();
  http.first_pause = options.first_retry_pause;
  http.tries = options.tries;
  http.stop = std::move(stop);
  return http;
}

std::vector<std::string> scopes_for(const image::Reference& repository,
                                    RegistryClient::Access access,
                                    const std::vector<std::string>& mount_from) {
  const bool pushes = access == RegistryClient::Access::kPush;
  std::vector<std::string> scopes = {"repository:" + repository.repository() + ":pull" +
                                     (pushes ? ",push" : "")};
  for (const std::string& other : mount_from) scopes.push_back("repository:" + other + ":pull");
  return scopes;
}

// What a Content-Type means; types that say nothing are as none.
std::string content_type(const std::string& header) {
  const std::string type =
      base::to_lower(base::trim(std::string_view(header).substr(0, header.find(';'))));
  const bool says_nothing =
      type == "application/json" || type == "text/plain" || type == "application/octet-stream";
  return says_nothing ? "" : type;
}

}  // namespace

// A blob as it comes; a broken connection is made again where it ended.
class ResumingBlob : public base::ByteSource {
 public:
  ResumingBlob(RegistryClient& client, const image::Descriptor& blob, std::uint64_t offset)
      : client_(client), blob_(blob), at_(offset), good_at_(offset) {
    connect();
  }

  std::size_t read(std::span<std::byte> buffer) override {
    if (buffer.empty()) return 0;
    for (;;) {
      try {
        if (!stream_) connect();
        const std::size_t count = stream_->read(buffer);
        at_ += count;
        if (count > 0 || at_ >= blob_.size) return count;
        throw BrokenConnection(BrokenConnection::Kind::kBroken,
                               fmt::format("blob {}: ended after {} of {} bytes",
                                           blob_.digest.str(), at_, blob_.size));
      } catch (const BrokenConnection& error) {
        if (at_ - good_at_ >= kProgressThatCounts) failures_ = 0;
        good_at_ = at_;
        stream_.reset();
        const bool give_up = ++failures_ >= client_.http_.options().tries;
        if (give_up || error.kind() != BrokenConnection::Kind::kBroken) throw;
        client_.http_.pause(failures_, "");
      }
    }
  }

 private:
  void connect() {
    HttpRequest request = client_.request("GET", "blobs/" + blob_.digest.str());
    if (at_ > 0) request.headers.emplace_back("Range", fmt::format("bytes={}-", at_));
    auto stream = client_.open(request);
    const bool is_part = stream->status() == 206 && at_ > 0;
    if (stream->status() != 200 && !is_part) {
      HttpResponse response;
      response.status = stream->status();
      response.url = stream->url();
      response.body = base::read_to_end(*stream, kMaxErrorAnswer);
      client_.refuse(response, "reading blob " + blob_.digest.str());
    }
    const std::string range = stream->header("content-range");
    if (is_part && !range.starts_with(fmt::format("bytes {}-", at_))) {
      throw base::Error("blob {}: the registry sent another part than was asked for",
                        blob_.digest.str());
    }
    if (!is_part) skip(*stream, at_);
    stream_ = std::move(stream);
  }

  // The registry began at the beginning.
  static void skip(base::ByteSource& source, std::uint64_t bytes) {
    std::vector<std::byte> buffer(64 << 10);
    while (bytes > 0) {
      const auto piece = std::span(buffer).first(std::min<std::uint64_t>(bytes, buffer.size()));
      const std::size_t count = source.read(piece);
      if (count == 0) return;
      bytes -= count;
    }
  }

  RegistryClient& client_;
  const image::Descriptor blob_;
  std::uint64_t at_, good_at_;
  int failures_ = 0;
  std::unique_ptr<HttpStream> stream_;
};

// "unauthorized: authentication required": the code of the distribution-spec, then the message
// where it says more.
std::string error_text(const base::Json& error) {
  std::string code = base::to_lower(error.string("code"));
  std::replace(code.begin(), code.end(), '_', ' ');
  const std::string message = error.string("message");
  if (code.empty() || message.starts_with(code)) return message;
  return message.empty() ? code : code + ": " + message;
}

// Of an answer without a word, as to HEAD.
std::string status_text(int status) {
  if (status == 401) return "unauthorized: authentication required";
  if (status == 403) return "denied: requested access to the resource is denied";
  return fmt::format("status {}", status);
}

std::string error_text(const HttpResponse& response) {
  std::string text;
  try {
    const base::Json json = base::Json::parse(response.body, kMaxErrorAnswer);
    if (const base::Json* errors = json.find("errors")) {
      for (const base::Json& error : errors->as_array()) {
        if (!text.empty()) text += "; ";
        text += error_text(error);
      }
    }
  } catch (const base::Error&) {
    // Not every proxy on the way answers as registries do.
  }
  if (text.empty()) text = status_text(response.status);
  return base::printable(std::string_view(text).substr(0, 500));
}

RegistryClient::RegistryClient(image::Reference repository, const ConnectionOptions& options,
                               Access access, std::stop_token stop,
                               const std::vector<std::string>& mount_from)
    : repository_(std::move(repository)),
      options_(options),
      http_(http_options(repository_, options_, std::move(stop))),
      authorizer_(http_, repository_, scopes_for(repository_, access, mount_from), options_) {}

RegistryClient::~RegistryClient() = default;

const Url& RegistryClient::base_url() {
  base::MutexLock lock(mutex_);
  if (base_url_) return *base_url_;
  const std::string host =
      repository_.registry() == "docker.io" ? "registry-1.docker.io" : repository_.registry();
  Url url = Url::parse("https://" + host + "/v2/");
  if (!options_.tls_verify) {
    try {
      HttpRequest ping;
      ping.url = url;
      http_.open(ping);
    } catch (const BrokenConnection& error) {
      if (error.kind() == BrokenConnection::Kind::kBroken) throw;
      url = Url::parse("http://" + host + "/v2/");
    }
  }
  base_url_ = url;
  return *base_url_;
}

HttpRequest RegistryClient::request(std::string method, const std::string& path) {
  HttpRequest request;
  request.method = std::move(method);
  request.url = base_url().resolve(repository_.repository() + "/" + path);
  return request;
}

std::unique_ptr<HttpStream> RegistryClient::open(HttpRequest request) {
  // An upload's address may be of another origin, which gets no credentials.
  const bool is_own = request.url.origin() == base_url().origin();
  if (is_own) request.authorization = authorizer_.authorization();
  try {
    auto stream = http_.open(request);
    const bool is_answer_of_registry = stream->url().origin() == base_url().origin();
    if (stream->status() != 401 || !is_own || !is_answer_of_registry) return stream;
    if (!authorizer_.answer(stream->headers("www-authenticate"), base_url(),
                            request.authorization)) {
      return stream;
    }
    stream.reset();
    request.authorization = authorizer_.authorization();
    return http_.open(request);
  } catch (BrokenConnection& error) {
    if (error.kind() == BrokenConnection::Kind::kTls && options_.tls_verify) {
      error.hint("--tls-verify=false accepts any certificate, and plain http");
    }
    throw;
  }
}

HttpResponse RegistryClient::send(const HttpRequest& request) {
  for (int attempt = 1;; ++attempt) {
    const auto stream = open(request);
    HttpResponse response;
    response.status = stream->status();
    response.url = stream->url();
    response.all_headers = stream->all_headers();
    const std::size_t limit = response.status == 200 ? kMaxManifest : kMaxErrorAnswer;
    try {
      response.body = base::read_to_end(*stream, limit);
      return response;
    } catch (const BrokenConnection&) {
      if (!request.retry || attempt >= http_.options().tries) throw;
    }
    http_.pause(attempt, "");
  }
}

void RegistryClient::refuse(const HttpResponse& response, const std::string& what) const {
  if (response.status == 404) {
    NotFound error("{}", error_text(response));
    error.add_context(what);
    throw error;
  }
  base::Error error("{}", error_text(response));
  if (response.status == 401 || response.status == 403) {
    error.hint("credentials for " + repository_.registry() +
               " are needed, or those that there are do not suffice");
  }
  error.add_context(what);
  throw error;
}

ManifestText RegistryClient::get_manifest(const std::string& reference) {
  HttpRequest get = request("GET", "manifests/" + reference);
  get.headers.emplace_back("Accept", accepted_types());
  const HttpResponse response = send(get);
  if (response.status != 200) {
    refuse(response, "reading manifest " + reference + " in " + repository_.name());
  }
  const std::string digest = response.header("docker-content-digest");
  if (digest.starts_with("sha256:") &&
      image::Digest::of(base::as_bytes(response.body)).str() != digest) {
    throw base::Error("manifest {} in {}: the registry says its digest is {}, which it is not",
                      reference, repository_.name(), base::printable(digest));
  }
  return {response.body, content_type(response.header("content-type"))};
}

std::optional<std::string> RegistryClient::head_manifest(const std::string& reference) {
  HttpRequest head = request("HEAD", "manifests/" + reference);
  head.headers.emplace_back("Accept", accepted_types());
  const HttpResponse response = send(head);
  if (response.status == 404) return std::nullopt;
  if (response.status != 200) refuse(response, "looking for manifest " + reference);
  return response.header("docker-content-digest");
}

std::string RegistryClient::put_manifest(const std::string& reference, const std::string& text,
                                         std::string_view media_type) {
  HttpRequest put = request("PUT", "manifests/" + reference);
  put.headers.emplace_back("Content-Type", media_type);
  put.body = text;
  const HttpResponse response = send(put);
  if (response.status / 100 != 2) {
    refuse(response, "writing manifest " + reference + " to " + repository_.name());
  }
  return response.header("docker-content-digest");
}

std::unique_ptr<base::ByteSource> RegistryClient::open_blob(const image::Descriptor& blob,
                                                            std::uint64_t offset) {
  return std::make_unique<ResumingBlob>(*this, blob, offset);
}

bool RegistryClient::has_blob(const image::Digest& digest) {
  const HttpResponse response = send(request("HEAD", "blobs/" + digest.str()));
  if (response.status == 404) return false;
  if (response.status != 200) refuse(response, "looking for blob " + digest.str());
  return true;
}

void RegistryClient::check_access() {
  HttpRequest ping;
  ping.url = base_url();
  const HttpResponse response = send(ping);
  const std::string what = "logging into \"" + repository_.registry() + "\"";
  if (response.status == 401 && !options_.password.empty()) {
    throw base::Error("{}: invalid username/password", what);
  }
  if (response.status != 200) refuse(response, what);
}

std::vector<std::string> RegistryClient::tags() {
  const HttpResponse response = send(request("GET", "tags/list"));
  if (response.status != 200) refuse(response, "listing the tags of " + repository_.name());
  return base::Json::parse(response.body).strings("tags");
}

}  // namespace bld::registry
