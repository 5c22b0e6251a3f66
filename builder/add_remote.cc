#include "builder/add_remote.h"

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
#include "builder/git_source.h"
#include "builder/resolve_links.h"
#include "builder/url_text.h"
#include "image/digest.h"
#include "registry/http.h"
#include "registry/url.h"

namespace bld::builder {

namespace {

constexpr const char* kFileName = "file";  // in the scratch directory
constexpr int kDownloads = 4;              // of one file that breaks off again and again

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
base::Sha256Value receive(base::ByteSource& body, int fd, const RemoteOptions& options) {
  base::Sha256 hash;
  base::FdSink file(fd);
  base::TeeSink both(file, hash);
  std::vector<std::byte> buffer(256 << 10);
  std::uint64_t size = 0;
  while (const std::size_t count = body.read(buffer)) {
    size += count;
    if (size > options.max_bytes) {
      throw base::Error("the file is longer than {} bytes", options.max_bytes);
    }
    both.write(base::Bytes(buffer).first(count));
  }
  return hash.finish();
}

// One attempt; leaves the file complete, verified and with its mode and time, or not at all.
void download(registry::Http& http, const registry::Url& url, const RemoteOptions& options,
              const base::RootedDir& scratch) {
  registry::HttpRequest request;
  request.url = url;
  const auto answer = http.open(request);
  if (answer->status() != 200) {
    throw base::Error("the server answers with status {}", answer->status());
  }
  scratch.remove_tree(kFileName);
  const base::UniqueFd fd =
      scratch.open_at(kFileName, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  const std::string digest = "sha256:" + base::to_hex(receive(*answer, fd.get(), options));
  if (!options.checksum.empty() && digest != options.checksum) {
    throw base::Error("checksum mismatch: expected {}, got {}", options.checksum, digest);
  }
  const std::int64_t time = parse_http_date(answer->header("last-modified")).value_or(0);
  const struct timespec times[2] = {{time, 0}, {time, 0}};
  if (::fchmod(fd.get(), 0600) != 0 || ::futimens(fd.get(), times) != 0) {
    throw base::Error::sys("futimens", kFileName);
  }
}

FetchedSource fetch_file(const std::string& source, const RemoteOptions& options,
                         const base::RootedDir& scratch, std::stop_token stop) {
  if (!options.checksum.empty() && image::Digest::parse(options.checksum).algorithm() != "sha256") {
    throw base::Error("--checksum: {} is no sha256 digest", base::printable(options.checksum));
  }
  const registry::Url url = registry::Url::parse(source);
  registry::HttpOptions http_options;
  // A URL that says http asks for no more than that. One that says https is never led to http.
  http_options.verify_tls = url.scheme() == "https";
  http_options.stop = std::move(stop);
  registry::Http http(http_options);
  for (int attempt = 1;; ++attempt) {
    try {
      download(http, url, options, scratch);
      break;
    } catch (base::Error& error) {
      scratch.remove_tree(kFileName);
      const auto* broken = dynamic_cast<const registry::BrokenConnection*>(&error);
      const bool again = broken != nullptr && attempt < kDownloads &&
                         broken->kind() == registry::BrokenConnection::Kind::kBroken;
      if (!again) {
        error.add_context(base::printable(url.shown()));
        throw;
      }
    }
    http.pause(attempt, "");
  }
  return {.root = std::make_shared<const base::RootedDir>(scratch.duplicate()),
          .path = kFileName,
          .name = file_name_of_url(source)};
}

FetchedSource fetch_repository(const GitSource& source, const RemoteOptions& options,
                               const base::RootedDir& scratch, std::stop_token stop) {
  base::RootedDir target = scratch.make_dirs("repository", 0755);
  const bool keep = options.keep_git_dir || source.keep_git_dir;
  fetch_git(source, options.checksum, keep, target, std::move(stop));
  const ResolvedPath folder = resolve_links(target, source.subdir);
  if (!folder.status || !S_ISDIR(folder.status->st_mode)) {
    throw base::Error("{} has no folder \"{}\"", without_userinfo(source.url),
                      base::printable(source.subdir));
  }
  return {.root = std::make_shared<const base::RootedDir>(std::move(target)),
          .path = folder.path,
          .name = ""};
}

}  // namespace

bool is_remote_source(std::string_view source) {
  return source.starts_with("http://") || source.starts_with("https://") ||
         GitSource::parse(source).has_value();
}

FetchedSource fetch_remote(const std::string& source, const RemoteOptions& options,
                           const base::RootedDir& scratch, std::stop_token stop) {
  if (const auto repository = GitSource::parse(source)) {
    return fetch_repository(*repository, options, scratch, std::move(stop));
  }
  return fetch_file(source, options, scratch, std::move(stop));
}

}  // namespace bld::builder
