#include "registry/containers_storage.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file_io.h"
#include "base/json.h"
#include "base/rooted_dir.h"
#include "base/text.h"
#include "image/image_config.h"
#include "image/manifest.h"
#include "registry/credentials.h"
#include "registry/file_source.h"
#include "registry/storage_conf.h"
#include "registry/tar_split.h"

namespace bld::registry {

namespace {

namespace fs = std::filesystem;
using base::Json;
using image::Descriptor;

constexpr std::size_t kMaxTable = 256 << 20;  // images.json of a large store is some MiB
constexpr std::chrono::milliseconds kLockPause{50};

// A shared lock as containers/storage takes it: a record lock on the whole of the file.
class ReadLock {
 public:
  // A store that never had a writer has no lock file: then nothing is locked.
  ReadLock(const fs::path& file, const std::stop_token& stop)
      : fd_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (!fd_) {
      if (errno == ENOENT) return;
      throw base::Error::sys("open", file.string());
    }
    struct flock lock = {};
    lock.l_type = F_RDLCK;
    while (::fcntl(fd_.get(), F_OFD_SETLK, &lock) != 0) {
      if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
        throw base::Error::sys("locking", file.string());
      }
      if (stop.stop_requested()) throw base::Error("canceled");
      std::this_thread::sleep_for(kLockPause);
    }
  }

 private:
  base::UniqueFd fd_;
};

Json read_table(const fs::path& file) {
  std::error_code none;
  if (!fs::exists(file, none)) return Json::array();
  return Json::parse(base::read_file(file, kMaxTable), kMaxTable);
}

// The file of a "big data" item: its key if that is of plain letters, else in base64.
std::string item_file(const std::string& key) {
  const bool is_plain = key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.") == key.npos;
  return is_plain ? key : "=" + encode_base64(key);
}

// One root directory with one driver.
struct Root {
  fs::path directory;
  std::string driver;

  fs::path images() const { return directory / (driver + "-images"); }

  fs::path layers() const { return directory / (driver + "-layers"); }

  fs::path files_of(const std::string& layer) const {
    if (driver == "vfs") return directory / "vfs/dir" / layer;
    return directory / driver / layer / "diff";
  }
};

bool is_readable_driver(const std::string& driver) {
  return driver == "overlay" || driver == "vfs";
}

std::vector<Root> readable_roots(const StorageRoots& storage) {
  std::vector<Root> roots;
  std::error_code none;
  for (const fs::path& directory : storage.roots) {
    for (const char* driver : {"overlay", "vfs"}) {
      const Root root{directory, driver};
      const bool is_wanted = storage.driver.empty() || storage.driver == driver;
      if (is_wanted && fs::exists(root.images() / "images.json", none)) {
        roots.push_back(root);
        break;
      }
    }
  }
  return roots;
}

bool is_id(const std::string& text) {
  return text.size() >= 3 && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdef") == text.npos;
}

// What NAME may mean, as Buildah looks for it.
std::vector<std::string> names_meant(const std::string& text) {
  std::vector<std::string> names;
  try {
    names.push_back(image::Reference::parse_local(text).with_default_tag().str());
    names.push_back(image::Reference::parse(text).with_default_tag().str());
  } catch (const base::Error&) {
    // It may be an ID.
  }
  return names;
}

struct FoundImage {
  Root root;
  std::string id, name, top_layer;
};

std::optional<FoundImage> find_image(const std::vector<Root>& roots, const std::string& text) {
  std::vector<std::pair<const Root*, Json>> tables;
  for (const Root& root : roots)
    tables.emplace_back(&root, read_table(root.images() / "images.json"));
  const auto found = [](const Root& root, const Json& image, std::string name) {
    return FoundImage{root, image.string("id"), std::move(name), image.string("layer")};
  };
  for (const std::string& name : names_meant(text)) {
    for (const auto& [root, table] : tables) {
      for (const Json& image : table.as_array()) {
        const std::vector<std::string> names = image.strings("names");
        if (std::find(names.begin(), names.end(), name) != names.end()) {
          return found(*root, image, name);
        }
      }
    }
  }
  const std::string id = text.starts_with("sha256:") ? text.substr(7) : text;
  if (!is_id(id)) return std::nullopt;
  for (const auto& [root, table] : tables) {
    for (const Json& image : table.as_array()) {
      if (image.string("id").starts_with(id)) return found(*root, image, "");
    }
  }
  return std::nullopt;
}

// A layer of the store, and where it is.
struct StoredLayer {
  Root root;
  std::string id, parent;
  std::string diff_digest;  // of its tar
  std::int64_t tar_bytes = 0;
};

class StorageSource : public ImageSource {
 public:
  // `layers` are those of the image, lowest first.
  StorageSource(const FoundImage& image, const std::vector<StoredLayer>& layers,
                std::vector<ReadLock> locks)
      : locks_(std::move(locks)),
        name_(image.name),
        directory_(base::RootedDir::open(image.root.images() / image.id)),
        manifest_(read_item("manifest")) {
    const image::Manifest manifest = image::Manifest::parse(manifest_);
    const image::ImageConfig config =
        image::ImageConfig::parse(read_item(manifest.config.digest.str()));
    if (manifest.layers.size() != layers.size() || config.diff_ids.size() != layers.size()) {
      throw base::Error("{} has other layers than its manifest", image.id);
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (config.diff_ids[i].digest.str() != layers[i].diff_digest) {
        throw base::Error("{} has another layer than its config names", layers[i].id);
      }
      Descriptor tar;
      tar.media_type = image::MediaType::kOciLayerTar;
      tar.digest = config.diff_ids[i].digest;
      tar.size = static_cast<std::uint64_t>(layers[i].tar_bytes);
      kept_.emplace(manifest.layers[i].digest, tar);
      layers_.emplace(tar.digest, layers[i]);
    }
  }

  ManifestText manifest(const Descriptor*) override { return {manifest_, ""}; }

  std::vector<image::Reference> names() override {
    if (name_.empty()) return {};
    return {image::Reference::parse(name_)};
  }

  Descriptor kept_as(const Descriptor& layer) override { return kept_.at(layer.digest); }

  std::unique_ptr<base::ByteSource> open_blob(const Descriptor& blob,
                                              std::uint64_t offset) override {
    if (offset != 0) throw base::Error("a layer of containers-storage is read from its beginning");
    const auto layer = layers_.find(blob.digest);
    if (layer == layers_.end()) {
      return std::make_unique<FileSource>(directory_.open_regular(item_file(blob.digest.str())));
    }
    return open_layer(layer->second);
  }

 private:
  static std::unique_ptr<base::ByteSource> open_layer(const StoredLayer& layer) {
    const fs::path index = layer.root.layers() / (layer.id + ".tar-split.gz");
    base::UniqueFd fd(::open(index.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) throw base::Error::sys("open", index.string());
    return std::make_unique<TarSplitSource>(std::move(fd),
                                            base::RootedDir::open(layer.root.files_of(layer.id)));
  }

  std::string read_item(const std::string& key) const {
    const base::UniqueFd fd = directory_.open_regular(item_file(key));
    return base::read_fd(fd.get(), Json::kMaximumBytes);
  }

  std::vector<ReadLock> locks_;
  std::string name_;  // empty: it was found by its ID
  base::RootedDir directory_;
  std::string manifest_;
  std::map<image::Digest, Descriptor> kept_;     // by the digest in the manifest
  std::map<image::Digest, StoredLayer> layers_;  // by diffID
};

std::map<std::string, StoredLayer> read_layers(const std::vector<Root>& roots) {
  std::map<std::string, StoredLayer> layers;
  for (const Root& root : roots) {
    const Json table = read_table(root.layers() / "layers.json");
    for (const Json& layer : table.as_array()) {
      layers.try_emplace(layer.string("id"), StoredLayer{.root = root,
                                                         .id = layer.string("id"),
                                                         .parent = layer.string("parent"),
                                                         .diff_digest = layer.string("diff-digest"),
                                                         .tar_bytes = layer.integer("diff-size")});
    }
  }
  return layers;
}

// From the lowest to `top`. Each needs its tar-split and its files.
std::vector<StoredLayer> layers_up_to(const std::string& top,
                                      const std::map<std::string, StoredLayer>& all) {
  std::vector<StoredLayer> chain;
  std::error_code none;
  for (std::string id = top; !id.empty();) {
    const auto layer = all.find(id);
    if (layer == all.end()) throw base::Error("there is no layer {}", id);
    const Root& root = layer->second.root;
    if (!fs::exists(root.layers() / (id + ".tar-split.gz"), none)) {
      throw base::Error("layer {} has no tar-split", id);
    }
    if (fs::exists(root.directory / root.driver / id / "composefs-data", none)) {
      throw base::Error("layer {} is a composefs", id);
    }
    if (layer->second.tar_bytes <= 0) throw base::Error("layer {} has no size", id);
    chain.push_back(layer->second);
    if (chain.size() > all.size()) throw base::Error("the layers of {} are a circle", top);
    id = layer->second.parent;
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

}  // namespace

StoredElsewhere find_in_containers_storage(const Location& from, const std::stop_token& stop) try {
  const StorageRoots storage = storage_roots(from.path.string());
  if (!storage.driver.empty() && !is_readable_driver(storage.driver)) {
    return {.source = nullptr, .why_not = "the driver is " + storage.driver};
  }
  const std::vector<Root> roots = readable_roots(storage);
  std::vector<ReadLock> locks;
  for (const Root& root : roots) {
    locks.emplace_back(root.layers() / "layers.lock", stop);
    locks.emplace_back(root.images() / "images.lock", stop);
  }
  const auto image = find_image(roots, from.reference);
  if (!image) {
    return {.source = nullptr, .why_not = from.reference + ": image not known"};
  }
  const auto layers = layers_up_to(image->top_layer, read_layers(roots));
  return {.source = std::make_unique<StorageSource>(*image, layers, std::move(locks)),
          .why_not = ""};

} catch (const base::Error& error) {
  if (stop.stop_requested()) throw;
  return {.source = nullptr, .why_not = error.message()};
}

}  // namespace bld::registry
