// How a blob gets into a registry (distribution-spec, "Pushing blobs").
//
// POST begins an upload, one PATCH carries the content, PUT names it. A connection that breaks
// meanwhile is made again where the registry says it ended; a registry that cannot say so gets the
// whole blob once more.
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "registry/client.h"

namespace bld::registry {

namespace {

constexpr std::uint64_t kSmallBlob = 64 << 10;  // sent with the PUT

// "0-99" or "bytes=0-99" → 100: how much of an upload has arrived.
std::optional<std::uint64_t> end_of_range(std::string_view range) {
  const std::size_t dash = range.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto last = base::parse_unsigned(range.substr(dash + 1));
  if (!last) return std::nullopt;
  // Nothing has arrived yet: "0-0" is what registries say then, too.
  return *last == 0 ? 0 : *last + 1;
}

}  // namespace

// What a registry knows of an upload on its way.
struct RegistryClient::Upload {
  Url location;
  std::uint64_t offset = 0;
};

std::optional<RegistryClient::Upload> RegistryClient::start_upload(const image::Descriptor& blob,
                                                                   const std::string& mount_from) {
  HttpRequest post = request("POST", "blobs/uploads/");
  if (!mount_from.empty()) {
    post.url = post.url.with_query("mount", blob.digest.str()).with_query("from", mount_from);
  }
  const HttpResponse response = send(post);
  if (response.status == 201 && !mount_from.empty()) return std::nullopt;
  const std::string location = response.header("location");
  if (response.status != 202 || location.empty()) {
    refuse(response, "beginning an upload to " + repository_.name());
  }
  return Upload{response.url.resolve(location), 0};
}

// One PATCH from the offset on. Throws BrokenConnection where it is worth going on.
void RegistryClient::send_content(Upload& upload, const image::Descriptor& blob,
                                  const OpenContent& open_content) {
  HttpRequest patch;
  patch.method = "PATCH";
  patch.url = upload.location;
  patch.headers = {{"Content-Type", "application/octet-stream"}};
  if (upload.offset > 0) {
    patch.headers.emplace_back("Content-Range", fmt::format("{}-{}", upload.offset, blob.size - 1));
  }
  patch.open_body = [&open_content, offset = upload.offset] { return open_content(offset); };
  patch.body_size = blob.size - upload.offset;
  patch.retry = false;  // by our caller, who knows where to go on
  const HttpResponse response = send(patch);
  if (response.status == 416 || response.status == 429 || response.status >= 500) {
    throw BrokenConnection(BrokenConnection::Kind::kBroken, error_text(response));
  }
  if (response.status / 100 != 2) refuse(response, "writing blob " + blob.digest.str());
  const std::string location = response.header("location");
  if (!location.empty()) upload.location = response.url.resolve(location);
  upload.offset = blob.size;
}

// Where to go on after a broken connection; nothing: from the beginning.
bool RegistryClient::find_offset(Upload& upload, const image::Descriptor& blob) {
  HttpRequest get;
  get.url = upload.location;
  const HttpResponse response = send(get);
  const auto arrived = end_of_range(response.header("range"));
  if (response.status != 204 || !arrived || *arrived > blob.size) return false;
  const std::string location = response.header("location");
  if (!location.empty()) upload.location = response.url.resolve(location);
  upload.offset = *arrived;
  return true;
}

void RegistryClient::finish_upload(const Upload& upload, const image::Descriptor& blob,
                                   const OpenContent& open_content) {
  HttpRequest put;
  put.method = "PUT";
  put.url = upload.location.with_query("digest", blob.digest.str());
  put.headers = {{"Content-Type", "application/octet-stream"}};
  if (upload.offset < blob.size) {
    put.open_body = [&open_content] { return open_content(0); };
    put.body_size = blob.size;
  }
  put.retry = false;
  const HttpResponse response = send(put);
  if (response.status == 429 || response.status >= 500) {
    throw BrokenConnection(BrokenConnection::Kind::kBroken, error_text(response));
  }
  if (response.status / 100 != 2) refuse(response, "writing blob " + blob.digest.str());
}

void RegistryClient::put_blob(const image::Descriptor& blob, const OpenContent& open_content,
                              const std::string& mount_from) {
  std::optional<Upload> upload = start_upload(blob, mount_from);
  if (!upload) return;  // mounted
  for (int attempt = 1;; ++attempt) {
    try {
      if (!upload) upload = start_upload(blob, "");
      if (blob.size > kSmallBlob && upload->offset < blob.size) {
        send_content(*upload, blob, open_content);
      }
      finish_upload(*upload, blob, open_content);
      return;
    } catch (BrokenConnection& error) {
      const bool give_up = attempt >= http_.options().tries;
      if (give_up || error.kind() != BrokenConnection::Kind::kBroken) {
        error.add_context("writing blob " + blob.digest.str());
        throw;
      }
    }
    http_.pause(attempt, "");
    if (has_blob(blob.digest)) return;  // only the answer was lost
    // A part of what goes with the PUT may be there, and a PUT cannot go on behind it.
    const bool in_one_piece = blob.size <= kSmallBlob;
    if (upload && (in_one_piece || !find_offset(*upload, blob))) upload.reset();
  }
}

}  // namespace bld::registry
