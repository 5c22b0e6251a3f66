#include "registry/layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/file_io.h"
#include "base/file_lock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/rooted_dir.h"
#include "base/text.h"
#include "image/manifest.h"
#include "registry/file_source.h"

namespace bld::registry {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";
constexpr std::string_view kLayoutText = R"({"imageLayoutVersion":"1.0.0"})";

std::unique_ptr<base::ByteSource> open_content(const base::RootedDir& root, const std::string& path,
                                               std::uint64_t offset) {
  base::UniqueFd fd = root.open_regular(path, base::Resolve::kBeneath);
  if (::lseek(fd.get(), static_cast<off_t>(offset), SEEK_SET) < 0) {
    throw base::Error::sys("lseek", base::printable(path));
  }
  return std::make_unique<FileSource>(std::move(fd));
}

std::string read_text(const base::RootedDir& root, const std::string& path) {
  const base::UniqueFd fd = root.open_regular(path, base::Resolve::kBeneath);
  return base::read_fd(fd.get(), base::Json::kMaximumBytes);
}

base::RootedDir open_or_make(const fs::path& directory) {
  if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
    throw base::Error::sys("mkdir", directory.string());
  }
  return base::RootedDir::open(directory);
}

// Written beside under a name of its own, then renamed: there whole, or not at all.
void write_file(const base::RootedDir& folder, const std::string& name, base::ByteSource& content) {
  const std::string beside = "." + name + "." + base::random_id();
  try {
    const base::UniqueFd fd =
        folder.open_at(beside, O_WRONLY | O_CREAT | O_EXCL, 0644, base::Resolve::kBeneath);
    base::FdSink sink(fd.get());
    base::pump(content, sink);
    base::sync_fd(fd.get());
    if (::renameat(folder.fd(), beside.c_str(), folder.fd(), name.c_str()) != 0) {
      throw base::Error::sys("rename", name);
    }
  } catch (...) {
    ::unlinkat(folder.fd(), beside.c_str(), 0);
    throw;
  }
  base::sync_fd(folder.fd());
}

void write_text(const base::RootedDir& folder, const std::string& name, std::string_view text) {
  base::MemorySource source(text);
  write_file(folder, name, source);
}

std::string blob_path(const image::Digest& digest) {
  return "blobs/" + std::string(digest.algorithm()) + "/" + std::string(digest.hex());
}

std::string ref_name(const image::Descriptor& descriptor) {
  const auto found = descriptor.annotations.find(std::string(kRefName));
  return found == descriptor.annotations.end() ? "" : found->second;
}

std::optional<image::Reference> entry_name(const image::Descriptor& entry) {
  try {
    const auto full = entry.annotations.find(std::string(kFullNameAnnotation));
    if (full != entry.annotations.end()) {
      return image::Reference::parse(full->second).with_default_tag();
    }
    const std::string name = ref_name(entry);
    if (name.empty()) return std::nullopt;
    return image::Reference::parse_local(name).with_default_tag();
  } catch (const base::Error&) {
    return std::nullopt;  // an annotation may say anything
  }
}

class LayoutSource : public ImageSource {
 public:
  LayoutSource(const fs::path& directory, std::string reference)
      : root_(base::RootedDir::open(directory)),
        shown_("oci:" + directory.string()),
        reference_(std::move(reference)) {}

  ManifestText manifest(const image::Descriptor* of_index) override {
    const image::Descriptor chosen = of_index != nullptr ? *of_index : choose().front();
    return {read_text(root_, blob_path(chosen.digest)),
            std::string(image::media_type_text(chosen.media_type))};
  }

  std::vector<image::Reference> names() override {
    std::vector<image::Reference> names;
    for (const image::Descriptor& entry : choose()) {
      const auto name = entry_name(entry);
      if (name && std::find(names.begin(), names.end(), *name) == names.end()) {
        names.push_back(*name);
      }
    }
    return names;
  }

  std::unique_ptr<base::ByteSource> open_blob(const image::Descriptor& blob,
                                              std::uint64_t offset) override {
    return open_content(root_, blob_path(blob.digest), offset);
  }

 private:
  // The entries of the one image that is meant; never empty.
  std::vector<image::Descriptor> choose() const {
    if (!root_.lstat("index.json")) {
      throw NotFound("{}: no OCI layout: there is no index.json", shown_);
    }
    const image::Index index = image::Index::parse(read_text(root_, "index.json"));
    std::vector<image::Descriptor> found;
    for (const image::Descriptor& descriptor : index.manifests) {
      if (reference_.empty() || ref_name(descriptor) == reference_) found.push_back(descriptor);
    }
    const bool is_one_image = std::all_of(
        found.begin(), found.end(),
        [&](const image::Descriptor& other) { return other.digest == found.front().digest; });
    if (!found.empty() && is_one_image) return found;
    if (found.empty()) {
      throw NotFound("{}: no image \"{}\" there", shown_, base::printable(reference_));
    }
    base::Error error("{}: several images there", shown_);
    std::string names;
    for (const auto& descriptor : found) names += " " + ref_name(descriptor);
    error.hint("name one of them behind the path:" + base::printable(names));
    throw error;
  }

  base::RootedDir root_;
  std::string shown_, reference_;
};

class LayoutSink : public ImageSink {
 public:
  LayoutSink(const fs::path& directory, std::vector<LayoutReference> references)
      : root_(open_or_make(directory)), references_(std::move(references)) {
    blobs_ = root_.make_dirs("blobs/sha256");
    if (!root_.lstat("oci-layout")) write_text(root_, "oci-layout", kLayoutText);
  }

  bool has_blob(const image::Descriptor& blob) override {
    const auto status = root_.lstat(blob_path(blob.digest));
    return status && S_ISREG(status->st_mode) &&
           static_cast<std::uint64_t>(status->st_size) == blob.size;
  }

  void put_blob(const OutgoingBlob& blob) override {
    write_file(*blobs_, std::string(blob.descriptor.digest.hex()), *blob.content);
  }

  void put_member(const std::string& text, const image::Descriptor& descriptor) override {
    write_text(*blobs_, std::string(descriptor.digest.hex()), text);
  }

  void put_manifest(const std::string& text, const image::Descriptor& descriptor) override {
    write_text(*blobs_, std::string(descriptor.digest.hex()), text);
    const auto lock = base::FileLock::wait(root_.open_at(".", O_RDONLY | O_DIRECTORY),
                                           base::FileLock::Mode::kExclusive);
    image::Index index;
    if (root_.lstat("index.json")) {
      index = image::Index::parse(read_text(root_, "index.json"));
    }
    for (const LayoutReference& reference : references_) {
      std::erase_if(index.manifests, [&](const image::Descriptor& other) {
        return ref_name(other) == reference.name;
      });
    }
    for (const LayoutReference& reference : references_) {
      image::Descriptor entry = descriptor;
      entry.annotations = reference.annotations;
      if (!reference.name.empty()) entry.annotations[std::string(kRefName)] = reference.name;
      index.manifests.push_back(std::move(entry));
    }
    write_text(root_, "index.json", index.json());
  }

 private:
  base::RootedDir root_;
  std::optional<base::RootedDir> blobs_;
  std::vector<LayoutReference> references_;
};

// dir: every blob is a file named by its hex digits, beside manifest.json.
class DirectorySource : public ImageSource {
 public:
  explicit DirectorySource(const fs::path& directory) : root_(base::RootedDir::open(directory)) {}

  ManifestText manifest(const image::Descriptor* of_index) override {
    const std::string name = of_index != nullptr
                                 ? std::string(of_index->digest.hex()) + ".manifest.json"
                                 : "manifest.json";
    return {read_text(root_, name), ""};
  }

  std::unique_ptr<base::ByteSource> open_blob(const image::Descriptor& blob,
                                              std::uint64_t offset) override {
    return open_content(root_, std::string(blob.digest.hex()), offset);
  }

 private:
  base::RootedDir root_;
};

class DirectorySink : public ImageSink {
 public:
  explicit DirectorySink(const fs::path& directory) : root_(open_or_make(directory)) {}

  bool has_blob(const image::Descriptor& blob) override {
    const auto status = root_.lstat(blob.digest.hex());
    return status && static_cast<std::uint64_t>(status->st_size) == blob.size;
  }

  void put_blob(const OutgoingBlob& blob) override {
    write_file(root_, std::string(blob.descriptor.digest.hex()), *blob.content);
  }

  void put_member(const std::string& text, const image::Descriptor& descriptor) override {
    write_text(root_, std::string(descriptor.digest.hex()) + ".manifest.json", text);
  }

  void put_manifest(const std::string& text, const image::Descriptor&) override {
    write_text(root_, "version", "Directory Transport Version: 1.1\n");
    write_text(root_, "manifest.json", text);
  }

 private:
  base::RootedDir root_;
};

}  // namespace

std::unique_ptr<ImageSource> open_layout_source(const fs::path& directory,
                                                const std::string& reference) {
  if (!std::filesystem::exists(directory)) {
    throw NotFound("open {}: no such file or directory", base::printable(directory.string()));
  }
  return std::make_unique<LayoutSource>(directory, reference);
}

std::unique_ptr<ImageSink> open_layout_sink(const fs::path& directory,
                                            const std::string& reference) {
  return open_layout_sink(directory, std::vector<LayoutReference>{{.name = reference}});
}

std::unique_ptr<ImageSink> open_layout_sink(const fs::path& directory,
                                            std::vector<LayoutReference> references) {
  return std::make_unique<LayoutSink>(directory, std::move(references));
}

std::unique_ptr<ImageSource> open_directory_source(const fs::path& directory) {
  return std::make_unique<DirectorySource>(directory);
}

std::unique_ptr<ImageSink> open_directory_sink(const fs::path& directory) {
  return std::make_unique<DirectorySink>(directory);
}

}  // namespace bld::registry
