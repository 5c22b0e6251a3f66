#include "registry/copy_artifact.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "image/manifest.h"

namespace bld::registry {

namespace {

// Throws at its end where what was read is not what the descriptor says.
class VerifiedSource : public base::ByteSource {
 public:
  VerifiedSource(base::ByteSource& source, const image::Descriptor& expected,
                 const std::stop_token& stop)
      : source_(source), expected_(expected), stop_(stop) {}

  std::size_t read(std::span<std::byte> buffer) override {
    if (stop_.stop_requested()) throw base::Error("canceled");
    const std::size_t count = source_.read(buffer);
    hash_.write(buffer.first(count));
    size_ += count;
    if (size_ > expected_.size || (count == 0 && !buffer.empty() && !is_complete())) {
      throw base::Error("what came is not {}", expected_.digest.str());
    }
    return count;
  }

 private:
  bool is_complete() {
    return size_ == expected_.size && base::to_hex(hash_.finish()) == expected_.digest.hex();
  }

  base::ByteSource& source_;
  const image::Descriptor& expected_;
  const std::stop_token& stop_;
  base::Sha256 hash_;
  std::uint64_t size_ = 0;
};

}  // namespace

image::Descriptor copy_artifact(ImageSource& from, ImageSink& to, const std::string& config_type,
                                const std::stop_token& stop) {
  const ManifestText document = from.manifest(nullptr);
  const image::Manifest manifest = image::Manifest::parse(document.text);
  const std::string type = manifest.config.unknown_media_type.empty()
                               ? std::string(image::media_type_text(manifest.config.media_type))
                               : manifest.config.unknown_media_type;
  if (type != config_type) {
    throw base::Error("unexpected media type of the image's config: {}", base::printable(type))
        .note("expected: " + config_type);
  }
  std::vector<image::Descriptor> blobs = manifest.layers;
  blobs.push_back(manifest.config);
  for (const image::Descriptor& blob : blobs) {
    if (to.has_blob(blob)) continue;
    const auto content = from.open_blob(blob, 0);
    VerifiedSource verified(*content, blob, stop);
    to.put_blob({.descriptor = blob,
                 .content = &verified,
                 .again = [&](std::uint64_t offset) { return from.open_blob(blob, offset); },
                 .is_config = &blob == &blobs.back()});
  }
  image::Descriptor descriptor;
  descriptor.media_type = manifest.media_type;
  descriptor.digest = image::Digest::of(base::as_bytes(document.text));
  descriptor.size = document.text.size();
  to.put_manifest(document.text, descriptor);
  return descriptor;
}

}  // namespace bld::registry
