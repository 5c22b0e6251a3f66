#include "registry/docker_registry.h"

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "registry/client.h"

namespace bld::registry {

namespace {

using Access = RegistryClient::Access;

std::string wanted(const image::Reference& name) {
  if (name.digest()) return name.digest()->str();
  return name.tag().empty() ? "latest" : name.tag();
}

class RegistrySource : public ImageSource {
 public:
  RegistrySource(const image::Reference& name, const ConnectionOptions& options,
                 std::stop_token stop)
      : name_(name), client_(name, options, Access::kPull, std::move(stop)) {}

  ManifestText manifest(const image::Descriptor* of_index) override {
    return client_.get_manifest(of_index != nullptr ? of_index->digest.str() : wanted(name_));
  }

  std::unique_ptr<base::ByteSource> open_blob(const image::Descriptor& blob,
                                              std::uint64_t offset) override {
    return client_.open_blob(blob, offset);
  }

 private:
  const image::Reference name_;
  RegistryClient client_;
};

// The content as it was handed over, for the first time that it is asked for.
class BorrowedSource : public base::ByteSource {
 public:
  explicit BorrowedSource(base::ByteSource& source) : source_(source) {}

  std::size_t read(std::span<std::byte> buffer) override { return source_.read(buffer); }

 private:
  base::ByteSource& source_;
};

class RegistrySink : public ImageSink {
 public:
  RegistrySink(const image::Reference& name, const ConnectionOptions& options, std::stop_token stop,
               const std::string& mount_from)
      : name_(name),
        mount_from_(mount_from),
        client_(name, options, Access::kPush, std::move(stop), sources(mount_from)) {}

  bool has_blob(const image::Descriptor& blob) override { return client_.has_blob(blob.digest); }

  void put_blob(const OutgoingBlob& blob) override {
    if (blob.is_config && has_blob(blob.descriptor)) return;
    bool is_first = true;
    const auto open = [&](std::uint64_t offset) -> std::unique_ptr<base::ByteSource> {
      if (!std::exchange(is_first, false) || offset != 0) return blob.again(offset);
      return std::make_unique<BorrowedSource>(*blob.content);
    };
    client_.put_blob(blob.descriptor, open, blob.is_config ? "" : mount_from_);
  }

  void put_member(const std::string& text, const image::Descriptor& descriptor) override {
    put(descriptor.digest.str(), text, descriptor);
  }

  void put_manifest(const std::string& text, const image::Descriptor& descriptor) override {
    if (name_.digest() && *name_.digest() != descriptor.digest) {
      throw base::Error("the manifest has the digest {}, so it cannot be pushed to {}",
                        descriptor.digest.str(), name_.str());
    }
    put(wanted(name_), text, descriptor);
  }

 private:
  void put(const std::string& reference, const std::string& text,
           const image::Descriptor& descriptor) {
    const std::string digest =
        client_.put_manifest(reference, text, image::media_type_text(descriptor.media_type));
    if (digest.starts_with("sha256:") && digest != descriptor.digest.str()) {
      throw base::Error("the registry took the manifest {} for {}", descriptor.digest.str(),
                        digest);
    }
  }

  static std::vector<std::string> sources(const std::string& mount_from) {
    return mount_from.empty() ? std::vector<std::string>() : std::vector<std::string>{mount_from};
  }

  const image::Reference name_;
  const std::string mount_from_;
  RegistryClient client_;
};

}  // namespace

std::unique_ptr<ImageSource> open_registry_source(const image::Reference& name,
                                                  const ConnectionOptions& options,
                                                  std::stop_token stop) {
  return std::make_unique<RegistrySource>(name, options, std::move(stop));
}

std::unique_ptr<ImageSink> open_registry_sink(const image::Reference& name,
                                              const ConnectionOptions& options,
                                              std::stop_token stop, const std::string& mount_from) {
  return std::make_unique<RegistrySink>(name, options, std::move(stop), mount_from);
}

}  // namespace bld::registry
