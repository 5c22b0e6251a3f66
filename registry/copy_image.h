// Pull and push: an image from one place to another, verified on the way, skipping what is there.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/events.h"
#include "image/descriptor.h"
#include "image/manifest.h"
#include "image/platform.h"
#include "image/reference.h"
#include "registry/layout.h"
#include "registry/transport.h"
#include "store/store.h"

namespace bld::registry {

struct PullOptions {
  ConnectionOptions connection;
  std::optional<image::Platform> platform;  // empty: this machine's
  // Given to the image in the store. Empty: those that the place gives it, as own_names() in
  // copy_image.cc says.
  std::optional<image::Reference> name;
  // Whether layers become trees, too, in the same pass; those that are here already do not.
  store::Extract extract = store::Extract::kNo;
};

// An image that came, and the names that it got by coming.
struct PulledImage {
  store::ImageRecord record;
  std::vector<std::string> names;
};

// Brings the image into the store, all layers verified. Blobs and layers that the store has are
// not fetched. Four layers at a time. Progress goes to `events` as base::Transfer.
PulledImage pull(store::Store& store, const Location& from, const PullOptions& options,
                 base::EventSink& events, std::stop_token stop);

// The same for a place that may hold several images, all of which are wanted: a docker-archive
// without a name. Elsewhere it is the one that `from` names.
std::vector<PulledImage> pull_all(store::Store& store, const Location& from,
                                  const PullOptions& options, base::EventSink& events,
                                  std::stop_token stop);

// The same for the layers alone: the image they are in is not kept.
void pull_layers(store::Store& store, const Location& from, const PullOptions& options,
                 base::EventSink& events, std::stop_token stop);

enum class ManifestFormat { kAsStored, kOci, kDocker };

struct PushOptions {
  ConnectionOptions connection;
  ManifestFormat format = ManifestFormat::kAsStored;
  // Of layers that the store has uncompressed only; others keep their blobs unless `force` is set.
  layers::Compression compression = layers::Compression::kGzip;
  int compression_level = 0;  // 0: the usual one
  bool force_compression = false;
  // Of the image in an OCI layout or archive; empty: that of the location alone.
  std::vector<LayoutReference> layout_references;
  std::vector<std::string> more_names;  // of the image in a docker-archive
  // Of an index: each of its images is there once more in this compression.
  std::vector<layers::Compression> more_compressions;
};

// The manifest as it was written there. The config's bytes, and so the image ID, stay.
image::Descriptor push(store::Store& store, const store::ImageRecord& image, const Location& to,
                       const PushOptions& options, base::EventSink& events, std::stop_token stop);

// A whole index. Its images are in the store; what the manifest of each becomes on the way (by
// compression) is what the index that is written names. Returns that index's descriptor.
image::Descriptor push_index(store::Store& store, const image::Index& index, const Location& to,
                             const PushOptions& options, base::EventSink& events,
                             std::stop_token stop);

// The entries of an index; empty where the location holds one image.
std::vector<image::Descriptor> read_index(const Location& from, const ConnectionOptions& connection,
                                          store::Store& store, std::stop_token stop);

// The manifest or index that the place has, byte for byte.
std::string read_document(const Location& from, const ConnectionOptions& connection,
                          store::Store& store, std::stop_token stop);

// What the registry's image is now, without fetching it: for --pull=newer.
image::Digest resolve(const Location& from, const ConnectionOptions& connection,
                      const std::optional<image::Platform>& platform);

}  // namespace bld::registry
