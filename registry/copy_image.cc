#include "registry/copy_image.h"

#include <unistd.h>

#include <algorithm>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/json.h"
#include "base/thread_pool.h"
#include "base/unique_fd.h"
#include "image/image_config.h"
#include "image/manifest.h"
#include "registry/archive.h"
#include "registry/docker_registry.h"
#include "registry/file_source.h"
#include "registry/layout.h"
#include "registry/other_stores.h"
#include "registry/registries_conf.h"
#include "registry/signature_policy.h"

namespace bld::registry {

namespace {

using image::Descriptor;
using image::MediaType;

constexpr unsigned kParallelLayers = 4;
constexpr const char* kIsZstd = "io.github.containers.compression.zstd";
constexpr const char* kWritingManifest = "Writing manifest to image destination";
constexpr std::uint64_t kProgressBytes = 1 << 20;  // between two messages

// Tells how far a blob is, and ends the copy when it is to stop.
class WatchedSource : public base::ByteSource {
 public:
  WatchedSource(base::ByteSource& source, const Descriptor& blob, const char* what,
                base::EventSink& events, std::stop_token stop)
      : source_(source), events_(events), stop_(std::move(stop)) {
    transfer_.id = std::string(what) + " " + blob.digest.str();
    transfer_.action = std::string("Copying ") + what;
    transfer_.total = blob.size;
    events_.send(transfer_);
  }

  std::size_t read(std::span<std::byte> buffer) override {
    if (stop_.stop_requested()) throw base::Error("canceled");
    const std::size_t count = source_.read(buffer);
    transfer_.bytes += count;
    if (transfer_.bytes - told_ >= kProgressBytes) {
      told_ = transfer_.bytes;
      events_.send(transfer_);
    }
    return count;
  }

  void done() {
    transfer_.done = true;
    events_.send(transfer_);
  }

 private:
  base::ByteSource& source_;
  base::EventSink& events_;
  std::stop_token stop_;
  base::Transfer transfer_;
  std::uint64_t told_ = 0;
};

// Runs one task a layer, some at a time, and throws what the first of them threw when all ended.
template <typename Task>
void for_each_layer(std::size_t count, unsigned at_once, Task task) {
  base::ThreadPool pool(at_once);
  std::vector<std::future<void>> futures;
  for (std::size_t i = 0; i < count; ++i) futures.push_back(pool.submit([&task, i] { task(i); }));
  for (std::future<void>& future : futures) future.wait();
  for (std::future<void>& future : futures) future.get();
}

// ── pull ─────────────────────────────────────────────────────────────────────────────────────────

ConnectionOptions at_endpoint(const ConnectionOptions& options, const RegistryEndpoint& endpoint) {
  ConnectionOptions changed = options;
  if (endpoint.insecure) changed.tls_verify = false;
  return changed;
}

// A registry with mirrors: the first one that has the image serves all of it.
class MirroredSource : public ImageSource {
 public:
  MirroredSource(const image::Reference& name, const ConnectionOptions& connection,
                 std::stop_token stop) {
    for (const RegistryEndpoint& endpoint : RegistriesConf::load().pull_endpoints(name)) {
      sources_.push_back(
          open_registry_source(endpoint.reference, at_endpoint(connection, endpoint), stop));
    }
  }

  ManifestText manifest(const image::Descriptor* of_index) override {
    while (sources_.size() > 1) {
      try {
        ManifestText text = sources_.front()->manifest(of_index);
        sources_.resize(1);
        return text;
      } catch (const base::Error&) {
        // The next one says it, or the registry itself.
        sources_.erase(sources_.begin());
      }
    }
    return sources_.front()->manifest(of_index);
  }

  std::unique_ptr<base::ByteSource> open_blob(const image::Descriptor& blob,
                                              std::uint64_t offset) override {
    return sources_.front()->open_blob(blob, offset);
  }

 private:
  std::vector<std::unique_ptr<ImageSource>> sources_;
};

std::unique_ptr<ImageSource> open_source(const Location& from, const ConnectionOptions& connection,
                                         store::Store& store, std::stop_token stop) {
  SignaturePolicy::load(connection.policy_file).check(from);
  switch (from.kind) {
    case TransportKind::kDocker:
      return std::make_unique<MirroredSource>(image::Reference::parse(from.reference), connection,
                                              std::move(stop));
    case TransportKind::kOciLayout:
      return open_layout_source(from.path, from.reference);
    case TransportKind::kDirectory:
      return open_directory_source(from.path);
    case TransportKind::kOciArchive:
      return open_oci_archive_source(from.path, from.reference, store.make_temp_dir());
    case TransportKind::kDockerArchive:
      return open_docker_archive_source(from.path, from.reference, store.make_temp_dir());
    case TransportKind::kContainersStorage:
    case TransportKind::kDockerDaemon:
      return open_other_store_source(from, store.make_temp_dir(), stop);
  }
  throw base::Error("{}: no such transport", from.str());
}

struct FetchedManifest {
  std::string text;
  Descriptor descriptor;
};

// The document's own type has to be the one that it was served with.
MediaType document_type(const ManifestText& document) {
  const base::Json json = base::Json::parse(document.text);
  std::string type = json.string("mediaType");
  if (!type.empty() && !document.media_type.empty() && type != document.media_type) {
    throw base::Error("the manifest says it is \"{}\" but came as \"{}\"", type,
                      document.media_type);
  }
  if (type.empty()) type = document.media_type;
  if (type.empty() && json.find("manifests") != nullptr) return MediaType::kOciIndex;
  const MediaType known = type.empty() ? MediaType::kOciManifest : image::parse_media_type(type);
  if (!image::is_manifest(known) && !image::is_index(known)) {
    throw base::Error("\"{}\" is no kind of image that bld knows", type);
  }
  return known;
}

Descriptor descriptor_of(const std::string& text, MediaType type) {
  Descriptor descriptor;
  descriptor.media_type = type;
  descriptor.digest = image::Digest::of(base::as_bytes(text));
  descriptor.size = text.size();
  return descriptor;
}

FetchedManifest with_descriptor(ManifestText document) {
  const Descriptor descriptor = descriptor_of(document.text, document_type(document));
  return {std::move(document.text), descriptor};
}

// The manifest of one image: an index is asked for the one of the platform.
FetchedManifest fetch_manifest(ImageSource& source, const std::optional<image::Digest>& expected,
                               const image::Platform& platform) {
  FetchedManifest fetched = with_descriptor(source.manifest(nullptr));
  if (expected && fetched.descriptor.digest != *expected) {
    throw base::Error("the manifest has the digest {}, not {}", fetched.descriptor.digest.str(),
                      expected->str());
  }
  if (!image::is_index(fetched.descriptor.media_type)) return fetched;
  const image::Index index = image::Index::parse(fetched.text);
  const auto chosen = index.choose(platform);
  if (!chosen) {
    base::Error error("no image for the platform {}", platform.str());
    std::string offered;
    for (const Descriptor& entry : index.manifests) {
      if (entry.platform && entry.platform->os != "unknown") {
        offered += " " + entry.platform->str();
      }
    }
    error.hint("there are images for:" + offered);
    throw error;
  }
  FetchedManifest of_platform = with_descriptor(source.manifest(&*chosen));
  if (of_platform.descriptor.digest != chosen->digest ||
      of_platform.descriptor.size != chosen->size) {
    throw base::Error("the manifest is not the one that the index names ({})",
                      chosen->digest.str());
  }
  return of_platform;
}

class Puller {
 public:
  Puller(store::Store& store, ImageSource& source, store::Extract extract, base::EventSink& events,
         std::stop_token stop)
      : store_(store),
        source_(source),
        extract_(extract),
        events_(events),
        stop_(std::move(stop)) {}

  PulledImage pull(const FetchedManifest& fetched, const std::vector<image::Reference>& names) {
    const image::Manifest manifest = image::Manifest::parse(fetched.text);
    store::Transaction transaction = store_.begin();
    pull_layers(manifest, transaction);
    base::MemorySource text(fetched.text);
    transaction.put_blob(text, fetched.descriptor);
    transaction.record_image(fetched.descriptor, manifest.config);
    for (const image::Reference& name : names) {
      transaction.name_image(name, fetched.descriptor.digest);
    }
    events_.send(base::Note{kWritingManifest});
    std::move(transaction).commit();
    // By its manifest: another one with the same config may be there, too.
    PulledImage pulled{store_.get_image(store::exact_name(fetched.descriptor.digest)), {}};
    for (const image::Reference& name : names) pulled.names.push_back(name.str());
    return pulled;
  }

  // The config is put besides.
  void pull_layers(const image::Manifest& manifest, store::Transaction& transaction) {
    const image::ImageConfig config = put_config(transaction, manifest.config);
    if (config.diff_ids.size() != manifest.layers.size()) {
      throw base::Error("the manifest has {} layers, the config {}", manifest.layers.size(),
                        config.diff_ids.size());
    }
    for_each_layer(manifest.layers.size(), kParallelLayers, [&](std::size_t i) {
      pull_layer(manifest.layers[i], std::span(config.diff_ids).first(i + 1));
    });
  }

 private:
  image::ImageConfig put_config(store::Transaction& transaction, const Descriptor& config) {
    if (config.size > base::Json::kMaximumBytes) throw base::Error("the config is too large");
    const auto content = source_.open_blob(config, 0);
    WatchedSource watched(*content, config, "config", events_, stop_);
    const std::string text = base::read_to_end(watched, config.size);
    base::MemorySource source(text);
    transaction.put_blob(source, config);
    watched.done();
    return image::ImageConfig::parse(text);
  }

  // In a transaction of its own: a layer that is whole stays, whatever becomes of the others.
  void pull_layer(const Descriptor& layer, std::span<const image::DiffId> up_to_this) {
    if (!image::is_layer(layer.media_type)) {
      throw base::Error("layer {} is of an unknown type \"{}\"", layer.digest.str(),
                        layer.unknown_media_type);
    }
    const Descriptor blob = source_.kept_as(layer);
    const image::DiffId& diff_id = up_to_this.back();
    const auto known = store_.find_layer(diff_id);
    const bool has_this_blob =
        known && std::any_of(known->blobs.begin(), known->blobs.end(),
                             [&](const Descriptor& b) { return b.digest == blob.digest; });
    const bool is_plain_tar = blob.digest == diff_id.digest;
    if (known && (has_this_blob || is_plain_tar)) return;
    const auto content = source_.open_blob(blob, 0);
    WatchedSource watched(*content, blob, "blob", events_, stop_);
    try {
      store::Transaction transaction = store_.begin();
      transaction.ingest_layer(watched, blob, diff_id, extract_,
                               up_to_this.first(up_to_this.size() - 1));
      std::move(transaction).commit();
    } catch (base::Error& error) {
      error.add_context("layer " + blob.digest.str());
      throw;
    }
    watched.done();
  }

  store::Store& store_;
  ImageSource& source_;
  store::Extract extract_;
  base::EventSink& events_;
  std::stop_token stop_;
};

std::optional<image::Digest> expected_digest(const Location& from) {
  if (from.kind != TransportKind::kDocker) return std::nullopt;
  return image::Reference::parse(from.reference).digest();
}

// Of a path as part of a name; none where it cannot be one.
std::vector<image::Reference> name_of_path(const std::string& path) {
  try {
    return {image::Reference::parse_local("localhost/" + path.substr(path.find_first_not_of('/')))
                .with_default_tag()};
  } catch (const base::Error&) {
    return {};
  }
}

std::vector<image::Reference> name_in_store(const Location& from) {
  const std::string& text = from.reference;
  if (text.find_first_not_of("0123456789abcdef") == text.npos || text.starts_with("sha256:")) {
    return {};  // an ID
  }
  const bool is_docker = from.kind == TransportKind::kDockerDaemon;
  return {(is_docker ? image::Reference::parse(text) : image::Reference::parse_local(text))
              .with_default_tag()};
}

// As Buildah names what it pulls: what a registry or a store calls it; what an archive says that it
// is; the path of a directory.
std::vector<image::Reference> own_names(const Location& from, ImageSource& source) {
  switch (from.kind) {
    case TransportKind::kDocker:
      return {image::Reference::parse(from.reference)};
    case TransportKind::kContainersStorage:
    case TransportKind::kDockerDaemon: {
      std::vector<image::Reference> names = source.names();
      return names.empty() ? name_in_store(from) : names;
    }
    case TransportKind::kOciLayout:
    case TransportKind::kDirectory:
      return name_of_path(from.path.string());
    case TransportKind::kOciArchive:
      return source.names();
    case TransportKind::kDockerArchive: {
      std::vector<image::Reference> names = source.names();
      if (from.reference.empty() || from.reference.starts_with('@')) return names;
      const auto wanted = {image::Reference::parse(from.reference).with_default_tag(),
                           image::Reference::parse_local(from.reference).with_default_tag()};
      std::erase_if(names, [&](const image::Reference& name) {
        return std::find(wanted.begin(), wanted.end(), name) == wanted.end();
      });
      return names;
    }
  }
  return {};
}

// ── push ─────────────────────────────────────────────────────────────────────────────────────────

// Another repository of the registry that has blobs of this image: that of another of its names, or
// of its base image. Empty: none is known.
std::string related_repository(store::Store& store, const store::ImageRecord& image,
                               const image::Reference& to) {
  std::vector<std::string> names = image.names;
  const auto annotations = store.read_manifest(image.manifest_digest).annotations;
  const auto base = annotations.find("org.opencontainers.image.base.name");
  if (base != annotations.end()) names.push_back(base->second);
  for (const std::string& text : names) {
    try {
      const image::Reference name = image::Reference::parse(text);
      if (name.registry() == to.registry() && name.repository() != to.repository()) {
        return name.repository();
      }
    } catch (const base::Error&) {
      // An annotation may say anything.
    }
  }
  return "";
}

std::vector<LayoutReference> references_of(const Location& to, const PushOptions& options) {
  if (!options.layout_references.empty()) return options.layout_references;
  return {{.name = to.reference}};
}

// Docker's manifests have no place in an OCI layout: other tools do not find them there.
PushOptions options_at(const Location& to, PushOptions options) {
  if (to.kind != TransportKind::kOciLayout && to.kind != TransportKind::kOciArchive) return options;
  if (options.format == ManifestFormat::kDocker) {
    throw base::Error("an OCI layout holds images in OCI's format only: leave --format out");
  }
  options.format = ManifestFormat::kOci;
  return options;
}

std::unique_ptr<ImageSink> open_sink(const Location& to, const PushOptions& options,
                                     store::Store& store, const store::ImageRecord& image,
                                     std::stop_token stop) {
  switch (to.kind) {
    case TransportKind::kDocker: {
      const image::Reference name = image::Reference::parse(to.reference);
      const RegistryEndpoint endpoint = RegistriesConf::load().push_endpoint(name);
      return open_registry_sink(endpoint.reference, at_endpoint(options.connection, endpoint),
                                std::move(stop),
                                related_repository(store, image, endpoint.reference));
    }
    case TransportKind::kOciLayout:
      return open_layout_sink(to.path, references_of(to, options));
    case TransportKind::kDirectory:
      return open_directory_sink(to.path);
    case TransportKind::kOciArchive:
      return open_oci_archive_sink(to.path, references_of(to, options), store.make_temp_dir());
    case TransportKind::kDockerArchive:
      return open_docker_archive_sink(to.path, to.reference, options.more_names);
    case TransportKind::kContainersStorage:
    case TransportKind::kDockerDaemon:
      return open_other_store_sink(to, store.make_temp_dir(), stop);
  }
  throw base::Error("{}: no such transport", to.str());
}

MediaType layer_type(layers::Compression compression, bool is_docker) {
  switch (compression) {
    case layers::Compression::kNone:
      return is_docker ? MediaType::kDockerLayerTar : MediaType::kOciLayerTar;
    case layers::Compression::kGzip:
      return is_docker ? MediaType::kDockerLayerGzip : MediaType::kOciLayerGzip;
    case layers::Compression::kZstd:
      if (is_docker) throw base::Error("zstd needs the OCI format: use --format oci");
      return MediaType::kOciLayerZstd;
  }
  throw base::Error("unknown compression");
}

layers::Compression compression_of(MediaType type) {
  switch (type) {
    case MediaType::kOciLayerGzip:
    case MediaType::kDockerLayerGzip:
      return layers::Compression::kGzip;
    case MediaType::kOciLayerZstd:
      return layers::Compression::kZstd;
    default:
      return layers::Compression::kNone;
  }
}

class Pusher {
 public:
  Pusher(store::Store& store, ImageSink& sink, const PushOptions& options, base::EventSink& events,
         std::stop_token stop)
      : store_(store), sink_(sink), options_(options), events_(events), stop_(std::move(stop)) {}

  Descriptor push(const store::ImageRecord& record) {
    const Pushed pushed = push_contents(record);
    events_.send(base::Note{kWritingManifest});
    sink_.put_manifest(pushed.text, pushed.descriptor);
    return pushed.descriptor;
  }

  // As an image of an index.
  Descriptor push_member(const store::ImageRecord& record) {
    const Pushed pushed = push_contents(record);
    sink_.put_member(pushed.text, pushed.descriptor);
    return pushed.descriptor;
  }

 private:
  struct Pushed {
    std::string text;  // of the manifest
    Descriptor descriptor;
  };

  // Everything but the manifest.
  Pushed push_contents(const store::ImageRecord& record) {
    const std::string stored_text = store_.read_manifest_text(record.manifest_digest);
    image::Manifest manifest = image::Manifest::parse(stored_text);
    const image::Manifest stored = manifest;
    set_format(manifest);
    const image::ImageConfig config = store_.read_config(record.config_digest);
    for_each_layer(manifest.layers.size(), sink_.is_sequential() ? 1 : kParallelLayers,
                   [&](std::size_t i) {
                     push_layer(manifest.layers[i], config.diff_ids.at(i), manifest.media_type);
                   });
    put(manifest.config, open_blob(manifest.config.digest), "config");
    // An image that is passed on as it came keeps its manifest to the byte, and so its digest.
    Pushed pushed;
    pushed.text = manifest == stored ? stored_text : manifest.json();
    pushed.descriptor = descriptor_of(pushed.text, manifest.media_type);
    return pushed;
  }

  void set_format(image::Manifest& manifest) const {
    if (options_.format == ManifestFormat::kAsStored) return;
    const bool is_docker = options_.format == ManifestFormat::kDocker;
    manifest.media_type = is_docker ? MediaType::kDockerManifest : MediaType::kOciManifest;
    manifest.config.media_type = is_docker ? MediaType::kDockerConfig : MediaType::kOciConfig;
    if (is_docker) manifest.annotations.clear();
  }

  // How the layer is to leave: a compressed one as it is, a plain tar as was asked for.
  layers::Compression compression_for(const Descriptor& layer) const {
    if (sink_.wants_uncompressed_layers()) return layers::Compression::kNone;
    const layers::Compression now = compression_of(layer.media_type);
    if (now == layers::Compression::kNone || options_.force_compression) {
      return options_.compression;
    }
    return now;
  }

  void push_layer(Descriptor& layer, const image::DiffId& diff_id, MediaType manifest_type) {
    const layers::Compression wanted = compression_for(layer);
    const bool is_docker = manifest_type == MediaType::kDockerManifest;
    const auto annotations = layer.annotations;
    const bool as_it_is =
        wanted == compression_of(layer.media_type) && store_.find_blob(layer.digest).has_value();
    if (!as_it_is) {
      layer = store_.ensure_blob(diff_id, wanted, options_.compression_level);
      layer.annotations = annotations;
    }
    layer.media_type = layer_type(wanted, is_docker);
    layer.unknown_media_type.clear();
    if (sink_.has_blob(layer)) return;
    put(layer, open_blob(layer.digest), "blob");
  }

  base::UniqueFd open_blob(const image::Digest& digest) { return store_.open_blob(digest); }

  std::unique_ptr<base::ByteSource> open_at(const Descriptor& blob, std::uint64_t offset) {
    base::UniqueFd fd = store_.open_blob(blob.digest);
    if (::lseek(fd.get(), static_cast<off_t>(offset), SEEK_SET) < 0) {
      throw base::Error::sys("lseek", blob.digest.str());
    }
    return std::make_unique<FileSource>(std::move(fd));
  }

  void put(const Descriptor& descriptor, base::UniqueFd fd, const char* what) {
    FileSource file(std::move(fd));
    WatchedSource watched(file, descriptor, what, events_, stop_);
    sink_.put_blob({.descriptor = descriptor,
                    .content = &watched,
                    .again = [&](std::uint64_t offset) { return open_at(descriptor, offset); },
                    .is_config = std::string_view(what) == "config"});
    watched.done();
  }

  store::Store& store_;
  ImageSink& sink_;
  const PushOptions& options_;
  base::EventSink& events_;
  std::stop_token stop_;
};

PulledImage pull_from(ImageSource& source, store::Store& store, const Location& from,
                      const PullOptions& options, base::EventSink& events, std::stop_token stop) {
  const FetchedManifest manifest = fetch_manifest(
      source, expected_digest(from), options.platform.value_or(image::Platform::host()));
  std::vector<image::Reference> names;
  if (options.name) {
    names = {*options.name};
  } else {
    names = own_names(from, source);
  }
  return Puller(store, source, options.extract, events, std::move(stop)).pull(manifest, names);
}

}  // namespace

PulledImage pull(store::Store& store, const Location& from, const PullOptions& options,
                 base::EventSink& events, std::stop_token stop) try {
  const auto source = open_source(from, options.connection, store, stop);
  return pull_from(*source, store, from, options, events, std::move(stop));

} catch (base::Error& error) {
  error.add_context("pulling " + from.str());
  throw;
}

std::vector<PulledImage> pull_all(store::Store& store, const Location& from,
                                  const PullOptions& options, base::EventSink& events,
                                  std::stop_token stop) {
  std::vector<PulledImage> pulled;
  if (from.kind != TransportKind::kDockerArchive || !from.reference.empty()) {
    pulled.push_back(pull(store, from, options, events, std::move(stop)));
    return pulled;
  }
  try {
    SignaturePolicy::load(options.connection.policy_file).check(from);
    for (const auto& source : open_docker_archive_sources(from.path, store.make_temp_dir())) {
      pulled.push_back(pull_from(*source, store, from, options, events, stop));
    }
  } catch (base::Error& error) {
    error.add_context("pulling " + from.str());
    throw;
  }
  return pulled;
}

void pull_layers(store::Store& store, const Location& from, const PullOptions& options,
                 base::EventSink& events, std::stop_token stop) try {
  const auto source = open_source(from, options.connection, store, stop);
  const FetchedManifest fetched = fetch_manifest(
      *source, expected_digest(from), options.platform.value_or(image::Platform::host()));
  store::Transaction config_only = store.begin();  // forgotten
  Puller(store, *source, options.extract, events, std::move(stop))
      .pull_layers(image::Manifest::parse(fetched.text), config_only);

} catch (base::Error& error) {
  error.add_context("pulling " + from.str());
  throw;
}

Descriptor push(store::Store& store, const store::ImageRecord& image, const Location& to,
                const PushOptions& asked, base::EventSink& events, std::stop_token stop) try {
  const PushOptions options = options_at(to, asked);
  const auto sink = open_sink(to, options, store, image, stop);
  return Pusher(store, *sink, options, events, std::move(stop)).push(image);

} catch (base::Error& error) {
  error.add_context("pushing to " + to.str());
  throw;
}

image::Digest resolve(const Location& from, const ConnectionOptions& connection,
                      const std::optional<image::Platform>& platform) {
  SignaturePolicy::load(connection.policy_file).check(from);
  const auto source = std::make_unique<MirroredSource>(image::Reference::parse(from.reference),
                                                       connection, std::stop_token());
  return fetch_manifest(*source, expected_digest(from), platform.value_or(image::Platform::host()))
      .descriptor.digest;
}

void ImageSink::put_member(const std::string&, const Descriptor&) {
  throw base::Error("this place holds one image, not an index of several")
      .hint("an index goes to a registry (docker://), to oci:, oci-archive: or dir:");
}

Descriptor push_index(store::Store& store, const image::Index& index, const Location& to,
                      const PushOptions& asked, base::EventSink& events, std::stop_token stop) try {
  const PushOptions options = options_at(to, asked);
  image::Index written = index;
  std::vector<store::ImageRecord> images;
  for (const Descriptor& entry : index.manifests) {
    auto image = store.find_image(store::exact_name(entry.digest));
    if (!image) throw base::Error("the list's image {} is no longer here", entry.digest.str());
    images.push_back(std::move(*image));
  }
  if (images.empty()) throw base::Error("the list is empty");
  const auto sink = open_sink(to, options, store, images.front(), stop);
  bool all_docker = true;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const Descriptor pushed = Pusher(store, *sink, options, events, stop).push_member(images[i]);
    written.manifests[i].media_type = pushed.media_type;
    written.manifests[i].digest = pushed.digest;
    written.manifests[i].size = pushed.size;
    all_docker = all_docker && pushed.media_type == MediaType::kDockerManifest;
  }
  for (const layers::Compression compression : options.more_compressions) {
    PushOptions again = options;
    again.compression = compression;
    again.force_compression = true;
    for (std::size_t i = 0; i < images.size(); ++i) {
      const Descriptor pushed = Pusher(store, *sink, again, events, stop).push_member(images[i]);
      const bool is_there =
          std::any_of(written.manifests.begin(), written.manifests.end(),
                      [&](const Descriptor& other) { return other.digest == pushed.digest; });
      if (is_there) continue;
      Descriptor entry = written.manifests[i];
      entry.digest = pushed.digest;
      entry.size = pushed.size;
      // What older clients take for the image stays first, and this tells the others apart.
      if (compression == layers::Compression::kZstd) entry.annotations[kIsZstd] = "true";
      written.manifests.push_back(std::move(entry));
    }
  }
  written.media_type = all_docker ? MediaType::kDockerManifestList : MediaType::kOciIndex;
  const std::string text = written.json();
  const Descriptor descriptor = descriptor_of(text, written.media_type);
  events.send(base::Note{kWritingManifest});
  sink->put_manifest(text, descriptor);
  return descriptor;

} catch (base::Error& error) {
  error.add_context("pushing to " + to.str());
  throw;
}

std::vector<Descriptor> read_index(const Location& from, const ConnectionOptions& connection,
                                   store::Store& store, std::stop_token stop) {
  const auto source = open_source(from, connection, store, std::move(stop));
  const FetchedManifest fetched = with_descriptor(source->manifest(nullptr));
  if (!image::is_index(fetched.descriptor.media_type)) return {};
  return image::Index::parse(fetched.text).manifests;
}

std::string read_document(const Location& from, const ConnectionOptions& connection,
                          store::Store& store, std::stop_token stop) try {
  return open_source(from, connection, store, std::move(stop))->manifest(nullptr).text;

} catch (base::Error& error) {
  error.add_context("reading " + from.str());
  throw;
}

}  // namespace bld::registry
