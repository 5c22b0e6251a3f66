// docker-archive: what `docker save` writes and `docker load` reads. manifest.json names the config
// and the layers of each image by paths in the tar.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/rooted_dir.h"
#include "base/text.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "layers/compression.h"
#include "layers/tar_writer.h"
#include "registry/archive.h"
#include "registry/archive_file.h"
#include "registry/layout.h"

namespace bld::registry {

namespace {

namespace fs = std::filesystem;
using image::Descriptor;
using image::MediaType;
using layers::FileEntry;

constexpr int kMaxLinks = 40;

// The name that a link or manifest.json means, seen from the folder `from` of the archive.
std::string archive_name(std::string_view from, std::string_view path) {
  if (path.starts_with('/')) {
    throw base::Error("\"{}\" leads out of the archive", base::printable(path));
  }
  std::vector<std::string> parts;
  for (const std::string_view part : base::path_components(from)) parts.emplace_back(part);
  for (const std::string_view part : base::path_components(path)) {
    if (part != "..") {
      parts.emplace_back(part);
    } else if (parts.empty()) {
      throw base::Error("\"{}\" leads out of the archive", base::printable(path));
    } else {
      parts.pop_back();
    }
  }
  return base::join(parts, "/");
}

// An archive whose files were unpacked as blobs of a layout, each under its own digest. No name of
// the archive becomes a path.
class UnpackedArchive {
 public:
  UnpackedArchive(const fs::path& file, const base::RootedDir& root) : root_(root) {
    root_.make_dirs("blobs/sha256");
    read_archive(file, [&](const FileEntry& entry, base::ByteSource& content) {
      if (entry.type == FileEntry::Type::kFile) {
        add_file(entry, content);
      } else if (entry.type == FileEntry::Type::kHardLink) {
        links_[entry.path] = entry.link;
      } else if (entry.type == FileEntry::Type::kSymlink) {
        links_[entry.path] = archive_name(base::split_path(entry.path).parent, entry.link);
      }
    });
  }

  // Digest and size of the file, through links within the archive.
  const Descriptor& find(const std::string& path) const {
    std::string name = archive_name("", path);
    for (int hops = 0; hops < kMaxLinks; ++hops) {
      if (const auto file = files_.find(name); file != files_.end()) return file->second;
      const auto link = links_.find(name);
      if (link == links_.end()) {
        throw base::Error("the archive has no file \"{}\"", base::printable(name));
      }
      name = link->second;
    }
    throw base::Error("the links of \"{}\" in the archive never end", base::printable(path));
  }

  std::string read_text(const std::string& path) const {
    const base::UniqueFd fd = open(find(path));
    return base::read_fd(fd.get(), base::Json::kMaximumBytes);
  }

  Descriptor layer(const std::string& path) const {
    Descriptor layer = find(path);
    std::array<std::byte, 4> head;
    const base::UniqueFd fd = open(layer);
    base::FdSource content(fd.get());
    const std::size_t count = content.read(head);
    switch (layers::detect_compression(base::Bytes(head).first(count))) {
      case layers::Compression::kNone:
        layer.media_type = MediaType::kDockerLayerTar;
        break;
      case layers::Compression::kGzip:
        layer.media_type = MediaType::kDockerLayerGzip;
        break;
      case layers::Compression::kZstd:
        throw base::Error("the layer \"{}\" is compressed with zstd, which Docker's format lacks",
                          base::printable(path));
    }
    return layer;
  }

 private:
  static std::string blob_path(const image::Digest& digest) {
    return "blobs/sha256/" + std::string(digest.hex());
  }

  base::UniqueFd open(const Descriptor& file) const {
    return root_.open_regular(blob_path(file.digest), base::Resolve::kBeneath);
  }

  void add_file(const FileEntry& entry, base::ByteSource& content) {
    base::Sha256 hash;
    unpack_file(root_, "unpacking", entry, content, &hash);
    Descriptor file;
    file.digest = image::Digest::from_sha256(hash.finish());
    file.size = entry.size;
    const std::string path = blob_path(file.digest);
    if (::renameat(root_.fd(), "unpacking", root_.fd(), path.c_str()) != 0) {
      throw base::Error::sys("rename", path);
    }
    const auto [known, is_new] = files_.emplace(entry.path, file);
    if (!is_new && known->second != file) {
      throw base::Error("\"{}\" is twice in the archive", base::printable(entry.path));
    }
  }

  const base::RootedDir& root_;
  std::map<std::string, Descriptor> files_;  // by name in the archive; digest and size only
  std::map<std::string, std::string> links_;
};

bool is_named(const base::Json& entry, const std::string& name) {
  const auto reads_as = [](const std::string& text, auto parse) -> std::string {
    try {
      return parse(text).with_default_tag().str();
    } catch (const base::Error&) {
      return text;  // not a name by today's grammar, but it may be what was asked for
    }
  };
  for (const std::string& tag : entry.strings("RepoTags")) {
    const std::string full = reads_as(tag, image::Reference::parse);
    if (tag == name || full == reads_as(name, image::Reference::parse) ||
        full == reads_as(name, image::Reference::parse_local)) {
      return true;
    }
  }
  return false;
}

const base::Json::Array& entries_of(const base::Json& document) {
  const base::Json::Array& entries = document.as_array();
  if (entries.empty()) throw base::Error("no image in the archive");
  return entries;
}

// The number of the entry that is meant.
std::size_t choose(const base::Json& document, const std::string& reference) {
  const base::Json::Array& entries = entries_of(document);
  if (reference.starts_with('@')) {
    const auto number = base::parse_unsigned(std::string_view(reference).substr(1));
    if (!number || *number >= entries.size()) {
      throw base::Error("no image \"{}\" in the archive: it has {}", base::printable(reference),
                        entries.size());
    }
    return *number;
  }
  if (reference.empty() && entries.size() == 1) return 0;
  std::string names;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!reference.empty() && is_named(entries[i], reference)) return i;
    for (const std::string& tag : entries[i].strings("RepoTags")) names += " " + tag;
  }
  base::Error error = reference.empty() ? base::Error("several images in the archive")
                                        : base::Error("no image \"{}\" in the archive", reference);
  error.hint("name one behind the path, or @0 to @" + std::to_string(entries.size() - 1) +
             "; there are:" + base::printable(names));
  throw error;
}

image::Manifest manifest_of(const UnpackedArchive& archive, const base::Json& entry) {
  image::Manifest manifest;
  manifest.media_type = MediaType::kDockerManifest;
  manifest.config = archive.find(entry.string("Config"));
  manifest.config.media_type = MediaType::kDockerConfig;
  for (const std::string& path : entry.strings("Layers")) {
    manifest.layers.push_back(archive.layer(path));
  }
  return manifest;
}

// The image with this number, from the layout into which the archive was unpacked. There its
// reference is "@NUMBER", once for each of its names.
std::unique_ptr<ImageSource> open_entry(const UnpackedArchive& archive, const base::Json& entry,
                                        std::size_t number, const fs::path& layout) {
  const std::string reference = "@" + std::to_string(number);
  std::vector<LayoutReference> references;
  for (const std::string& tag : entry.strings("RepoTags")) {
    references.push_back({reference, {{std::string(kFullNameAnnotation), tag}}});
  }
  if (references.empty()) references.push_back({.name = reference});
  const std::string text = manifest_of(archive, entry).json();
  Descriptor descriptor;
  descriptor.media_type = MediaType::kDockerManifest;
  descriptor.digest = image::Digest::of(base::as_bytes(text));
  descriptor.size = text.size();
  open_layout_sink(layout, std::move(references))->put_manifest(text, descriptor);
  return open_layout_source(layout, reference);
}

base::Json read_document(const UnpackedArchive& archive) {
  return base::Json::parse(archive.read_text("manifest.json"));
}

class DockerArchiveSink : public ImageSink {
 public:
  DockerArchiveSink(const fs::path& file, const std::string& reference,
                    const std::vector<std::string>& more_names)
      : output_(file), tar_(output_.sink()) {
    if (!reference.empty()) add_name(reference);
    for (const std::string& name : more_names) add_name(name);
  }

  bool wants_uncompressed_layers() const override { return true; }

  bool is_sequential() const override { return true; }

  bool has_blob(const Descriptor& blob) override {
    return written_.contains(layer_name(blob.digest)) ||
           written_.contains(config_name(blob.digest));
  }

  void put_blob(const OutgoingBlob& blob) override {
    const image::Digest& digest = blob.descriptor.digest;
    const std::string name = blob.is_config ? config_name(digest) : layer_name(digest);
    if (written_.contains(name)) return;
    add(name, blob.descriptor.size, *blob.content);
    written_.insert(name);
  }

  void put_manifest(const std::string& text, const Descriptor&) override {
    const image::Manifest manifest = image::Manifest::parse(text);
    base::Json layers = base::Json::array();
    for (const Descriptor& layer : manifest.layers) layers.push(known(layer_name(layer.digest)));
    base::Json tags = base::Json::array();
    for (const std::string& name : names_) tags.push(name);
    const std::string list =
        base::Json::array()
            .push(base::Json::object()
                      .add("Config", known(config_name(manifest.config.digest)))
                      .add("RepoTags", std::move(tags))
                      .add("Layers", std::move(layers)))
            .str();
    base::MemorySource content(list);
    add("manifest.json", list.size(), content);
    tar_.finish();
    output_.publish();
  }

 private:
  void add_name(const std::string& text) {
    const auto name = image::Reference::parse(text).with_default_tag();
    if (name.digest()) throw base::Error("{}: a docker-archive knows no digests", name.str());
    names_.push_back(name.str());
  }

  static std::string layer_name(const image::Digest& digest) {
    return std::string(digest.hex()) + ".tar";
  }

  static std::string config_name(const image::Digest& digest) {
    return std::string(digest.hex()) + ".json";
  }

  const std::string& known(const std::string& name) const {
    const auto found = written_.find(name);
    if (found == written_.end()) throw base::Error("{} was not written to the archive", name);
    return *found;
  }

  void add(const std::string& name, std::uint64_t size, base::ByteSource& content) {
    if (is_broken_) throw base::Error("the archive is incomplete since an earlier error");
    is_broken_ = true;
    FileEntry entry;
    entry.path = name;
    entry.mode = 0644;
    entry.size = size;
    tar_.add(entry, &content);
    is_broken_ = false;
  }

  OutputFile output_;
  layers::TarWriter tar_;
  std::vector<std::string> names_;
  std::set<std::string> written_;
  bool is_broken_ = false;  // the tar ends within an entry
};

}  // namespace

std::unique_ptr<ImageSource> open_docker_archive_source(const fs::path& file,
                                                        const std::string& reference,
                                                        const fs::path& scratch) try {
  const base::RootedDir root = base::RootedDir::open(scratch);
  const UnpackedArchive archive(file, root);
  const base::Json document = read_document(archive);
  const std::size_t number = choose(document, reference);
  return open_entry(archive, document.as_array()[number], number, scratch);

} catch (base::Error& error) {
  error.add_context(file.string());
  throw;
}

std::vector<std::unique_ptr<ImageSource>> open_docker_archive_sources(const fs::path& file,
                                                                      const fs::path& scratch) try {
  const base::RootedDir root = base::RootedDir::open(scratch);
  const UnpackedArchive archive(file, root);
  const base::Json document = read_document(archive);
  std::vector<std::unique_ptr<ImageSource>> sources;
  for (const base::Json& entry : entries_of(document)) {
    sources.push_back(open_entry(archive, entry, sources.size(), scratch));
  }
  return sources;

} catch (base::Error& error) {
  error.add_context(file.string());
  throw;
}

std::unique_ptr<ImageSink> open_docker_archive_sink(const fs::path& file,
                                                    const std::string& reference,
                                                    const std::vector<std::string>& more_names) {
  return std::make_unique<DockerArchiveSink>(file, reference, more_names);
}

}  // namespace bld::registry
