// The two ends of a copy: where an image is read from, and where it is written to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "image/descriptor.h"
#include "image/digest.h"
#include "image/reference.h"

namespace bld::registry {

// A manifest or index as it was served. Nothing in it is believed yet.
struct ManifestText {
  std::string text;
  std::string media_type;  // as the place says; empty: only the document says it
};

// Methods other than manifest() may be called from several threads. What comes out is not verified:
// the copy checks digests and sizes.
// The place has no such image.
class NotFound : public base::Error {
 public:
  using Error::Error;
};

class ImageSource {
 public:
  virtual ~ImageSource() = default;

  // The document that the location names, or one that an index there points to.
  virtual ManifestText manifest(const image::Descriptor* of_index) = 0;

  // What the place itself calls that image, in full: archives and layouts may say it.
  virtual std::vector<image::Reference> names() { return {}; }

  // The form in which the place has this layer of the manifest, where that is not the one that the
  // manifest names: its plain tar, of the layer's diffID. What open_blob() is then asked for.
  virtual image::Descriptor kept_as(const image::Descriptor& layer) { return layer; }

  // The content from `offset` bytes on.
  virtual std::unique_ptr<base::ByteSource> open_blob(const image::Descriptor& blob,
                                                      std::uint64_t offset) = 0;
};

// A blob to write: what it is, and where its bytes come from.
struct OutgoingBlob {
  image::Descriptor descriptor;
  base::ByteSource* content = nullptr;
  // The content once more, from `offset` bytes on: for places whose connection broke.
  std::function<std::unique_ptr<base::ByteSource>(std::uint64_t offset)> again = {};
  bool is_config = false;
};

class ImageSink {
 public:
  virtual ~ImageSink() = default;

  // What it cannot hold otherwise: docker-archive wants plain tars.
  virtual bool wants_uncompressed_layers() const { return false; }

  // Any thread.
  virtual bool has_blob(const image::Descriptor& blob) = 0;
  // Any thread unless is_sequential(). All or nothing.
  virtual void put_blob(const OutgoingBlob& blob) = 0;

  virtual bool is_sequential() const { return false; }

  // A manifest that has no name of its own: of an image in an index.
  virtual void put_member(const std::string& text, const image::Descriptor& descriptor);
  // Last; all blobs are there. Also an index, whose members are there. Returns when the image can
  // be found under the location's name.
  virtual void put_manifest(const std::string& text, const image::Descriptor& descriptor) = 0;
};

}  // namespace bld::registry
