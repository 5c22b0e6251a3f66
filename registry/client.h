// The distribution-spec's requests about one repository.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_stream.h"
#include "image/descriptor.h"
#include "image/reference.h"
#include "registry/auth.h"
#include "registry/http.h"
#include "registry/image_endpoint.h"
#include "registry/transport.h"

namespace bld::registry {

// Any thread. Speaks to the registry when first asked something. What it gives is not verified
// beyond what the registry says about it.
class RegistryClient {
 public:
  enum class Access { kPull, kPush };

  // `mount_from`: other repositories of the registry that blobs may be taken from.
  RegistryClient(image::Reference repository, const ConnectionOptions& options, Access access,
                 std::stop_token stop, const std::vector<std::string>& mount_from = {});
  ~RegistryClient();

  // `reference` is a tag or digest. Throws where there is no such manifest.
  ManifestText get_manifest(const std::string& reference);
  // Whether it is there, and its digest as the registry says it (may be empty).
  std::optional<std::string> head_manifest(const std::string& reference);
  // The exact bytes; returns the digest that the registry answers with (may be empty).
  std::string put_manifest(const std::string& reference, const std::string& text,
                           std::string_view media_type);

  // From `offset` on. Broken connections are made again where they ended.
  std::unique_ptr<base::ByteSource> open_blob(const image::Descriptor& blob, std::uint64_t offset);
  bool has_blob(const image::Digest& digest);

  // Sends the blob; goes on where a broken connection ended. Nothing is sent
  // if the registry can take the blob from `mount_from`, another repository of its own.
  using OpenContent = std::function<std::unique_ptr<base::ByteSource>(std::uint64_t offset)>;
  void put_blob(const image::Descriptor& blob, const OpenContent& open_content,
                const std::string& mount_from = {});

  std::vector<std::string> tags();

  // Throws unless the registry knows us.
  void check_access();

 private:
  friend class ResumingBlob;

  HttpRequest request(std::string method, const std::string& path);
  // Finds out how to speak to the registry (https, or http where that is allowed).
  const Url& base_url() EXCLUDES(mutex_);
  std::unique_ptr<HttpStream> open(HttpRequest request);
  HttpResponse send(const HttpRequest& request);

  struct Upload;  // upload.cc
  std::optional<Upload> start_upload(const image::Descriptor& blob, const std::string& mount_from);
  void send_content(Upload& upload, const image::Descriptor& blob, const OpenContent& open_content);
  bool find_offset(Upload& upload, const image::Descriptor& blob);
  void finish_upload(const Upload& upload, const image::Descriptor& blob,
                     const OpenContent& open_content);
  [[noreturn]] void refuse(const HttpResponse& response, const std::string& what) const;

  const image::Reference repository_;
  const ConnectionOptions options_;
  Http http_;
  Authorizer authorizer_;
  base::Mutex mutex_;
  std::optional<Url> base_url_ GUARDED_BY(mutex_);
};

// "manifest unknown", from the body of an error answer; short, printable.
std::string error_text(const HttpResponse& response);

}  // namespace bld::registry
