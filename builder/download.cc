#include "builder/download.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "builder/url_text.h"
#include "layers/compression.h"
#include "registry/credentials.h"
#include "registry/http.h"
#include "registry/url.h"

namespace bld::builder {

namespace {

constexpr int kTries = 3;  // of a request, and of a file that breaks off again and again

// The forms of RFC 9110, section 5.6.7; nothing for anything else.
std::optional<std::int64_t> parse_http_date(const std::string& text) {
  for (const char* format :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    struct tm time = {};
    const char* end = ::strptime(text.c_str(), format, &time);
    if (end != nullptr && *end == '\0') return ::timegm(&time);
  }
  return std::nullopt;
}

// Writes the body to `fd` and returns its digest.
base::Sha256Value receive(base::ByteSource& body, int fd, std::uint64_t max_bytes) {
  base::Sha256 hash;
  base::FdSink file(fd);
  base::TeeSink both(file, hash);
  std::vector<std::byte> buffer(256 << 10);
  std::uint64_t size = 0;
  while (const std::size_t count = body.read(buffer)) {
    size += count;
    if (size > max_bytes) throw base::Error("the file is longer than {} bytes", max_bytes);
    both.write(base::Bytes(buffer).first(count));
  }
  return hash.finish();
}

base::Error refusal(int status) {
  base::Error error("the server answers with status {}", status);
  if (status == 401 || status == 403 || status == 407) {
    error.hint("it wants credentials: fetch the file in a RUN with --mount=type=secret");
  } else if (status == 404 || status == 410) {
    error.hint("there is no such file: look at the address");
  } else if (status >= 500 || status == 429) {
    error.hint("it cannot answer now: try again later");
  } else if (status >= 300 && status < 400) {
    error.hint("it leads nowhere: look at the address");
  }
  return error;
}

// Only what Go's client, and so every other builder, undoes. It was not asked for.
std::unique_ptr<base::ByteSource> decoded(registry::HttpStream& answer) {
  const std::string encoding = base::to_lower(base::trim(answer.header("content-encoding")));
  if (encoding.empty() || encoding == "identity" || encoding == "x-gzip") return nullptr;
  if (encoding == "gzip") return layers::decompress(answer, layers::Compression::kGzip);
  throw base::Error("the server sends Content-Encoding {}, which nobody asked for",
                    base::printable(encoding));
}

registry::HttpRequest request_for(const std::string& url, const Validators& known) {
  const SplitUrl split = split_userinfo(url);
  registry::HttpRequest request;
  request.url = registry::Url::parse(split.url);
  if (!split.user.empty() || !split.password.empty()) {
    request.authorization = "Basic " + registry::encode_base64(split.user + ":" + split.password);
  }
  request.headers = {{"Accept-Encoding", "identity"}};
  if (!known.etag.empty()) request.headers.emplace_back("If-None-Match", known.etag);
  if (!known.last_modified.empty()) {
    request.headers.emplace_back("If-Modified-Since", known.last_modified);
  }
  return request;
}

// What is left behind where it throws is the caller's to remove.
Downloaded store_answer(registry::HttpStream& answer, const registry::HttpRequest& request,
                        std::uint64_t max_bytes, const base::RootedDir& folder,
                        const std::string& name) {
  Downloaded result;
  result.unchanged = answer.status() == 304 && request.headers.size() > 1;
  if (result.unchanged) return result;
  if (answer.status() != 200) throw refusal(answer.status());
  result.validators = {answer.header("etag"), answer.header("last-modified")};
  result.file_name = file_name_of_disposition(answer.header("content-disposition"));
  const auto plain = decoded(answer);
  const base::UniqueFd fd = folder.open_at(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  result.sha256 = "sha256:" + base::to_hex(receive(plain ? *plain : answer, fd.get(), max_bytes));
  const std::int64_t time = parse_http_date(result.validators.last_modified).value_or(0);
  const struct timespec times[2] = {{time, 0}, {time, 0}};
  if (::fchmod(fd.get(), 0600) != 0 || ::futimens(fd.get(), times) != 0) {
    throw base::Error::sys("futimens", name);
  }
  return result;
}

}  // namespace

bool is_http_url(std::string_view text) {
  const std::string scheme = base::to_lower(text.substr(0, text.find("://")));
  return text.find("://") != std::string_view::npos && (scheme == "http" || scheme == "https");
}

Downloaded download(const std::string& url, const RemoteAccess& access, const Validators& known,
                    const base::RootedDir& folder, const std::string& name, std::stop_token stop) {
  const registry::HttpRequest request = request_for(url, known);
  registry::HttpOptions options;
  // A URL that says http asks for no more than that. One that says https is not led to http.
  options.verify_tls = access.connection.tls_verify && request.url.scheme() == "https";
  options.cert_dir = access.connection.cert_dir;
  if (!options.cert_dir.empty()) options.cert_host = request.url.host_and_port();
  options.tries = kTries;
  options.first_pause = access.connection.first_retry_pause;
  options.silence = access.silence;
  options.stop = std::move(stop);
  registry::Http http(options);
  for (int tries = 1;; ++tries) {
    std::unique_ptr<registry::HttpStream> answer;
    try {
      answer = http.open(request);
      return store_answer(*answer, request, access.max_bytes, folder, name);
    } catch (base::Error& error) {
      folder.remove_tree(name);
      // Opening tries again by itself; here it is about a body that breaks off.
      const auto* broken = dynamic_cast<const registry::BrokenConnection*>(&error);
      const bool again = answer && broken != nullptr && tries < kTries &&
                         broken->kind() == registry::BrokenConnection::Kind::kBroken;
      if (!again) {
        const std::string shown = base::printable(request.url.shown());
        if (!error.message().starts_with(shown)) error.add_context(shown);
        throw;
      }
    }
    http.pause(tries, "");
  }
}

}  // namespace bld::builder
