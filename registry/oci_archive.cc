// oci-archive: an OCI layout in a tar. Unpacked below a scratch directory to be read, and packed
// from one when it is written.
#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "base/error.h"
#include "base/rooted_dir.h"
#include "base/text.h"
#include "image/digest.h"
#include "layers/tar_writer.h"
#include "registry/archive.h"
#include "registry/archive_file.h"
#include "registry/layout.h"

namespace bld::registry {

namespace {

namespace fs = std::filesystem;
using layers::FileEntry;

bool is_blob_name(std::string_view path) {
  const std::vector<std::string> parts = base::split(path, '/');
  if (parts.size() != 3 || parts[0] != "blobs") return false;
  try {
    image::Digest::parse(parts[1] + ":" + parts[2]);
    return true;
  } catch (const base::Error&) {
    return false;
  }
}

// Only what belongs to a layout is taken, and only as regular files: nothing that is unpacked can
// lead anywhere.
void unpack_layout(const fs::path& file, const base::RootedDir& root) {
  root.make_dirs("blobs/sha256");
  root.make_dirs("blobs/sha512");
  read_archive(file, [&](const FileEntry& entry, base::ByteSource& content) {
    const bool is_blob = is_blob_name(entry.path);
    if (!is_blob && entry.path != "index.json" && entry.path != "oci-layout") return;
    if (entry.type != FileEntry::Type::kFile) {
      throw base::Error("\"{}\" in the archive is no regular file", entry.path);
    }
    if (root.lstat(entry.path)) {
      if (is_blob) return;  // what a digest names is the same each time, or refused later
      throw base::Error("\"{}\" is twice in the archive", entry.path);
    }
    unpack_file(root, entry.path, entry, content, nullptr);
  });
}

class OciArchiveSink : public ImageSink {
 public:
  OciArchiveSink(const fs::path& file, std::vector<LayoutReference> references,
                 const fs::path& scratch)
      : output_(file),
        root_(base::RootedDir::open(scratch)),
        layout_(open_layout_sink(scratch, std::move(references))) {}

  bool has_blob(const image::Descriptor& blob) override { return layout_->has_blob(blob); }

  void put_blob(const OutgoingBlob& blob) override { layout_->put_blob(blob); }

  void put_member(const std::string& text, const image::Descriptor& descriptor) override {
    layout_->put_member(text, descriptor);
  }

  void put_manifest(const std::string& text, const image::Descriptor& descriptor) override {
    layout_->put_manifest(text, descriptor);
    layers::TarWriter tar(output_.sink());
    add_file(tar, "oci-layout");
    add_file(tar, "index.json");
    add_directory(tar, "blobs");
    add_directory(tar, "blobs/sha256");
    for (const std::string& name : root_.open_dir("blobs/sha256").names()) {
      add_file(tar, "blobs/sha256/" + name);
    }
    tar.finish();
    output_.publish();
  }

 private:
  static void add_directory(layers::TarWriter& tar, const std::string& path) {
    FileEntry entry;
    entry.path = path;
    entry.type = FileEntry::Type::kDirectory;
    entry.mode = 0755;
    tar.add(entry, nullptr);
  }

  void add_file(layers::TarWriter& tar, const std::string& path) const {
    const base::UniqueFd fd = root_.open_regular(path, base::Resolve::kBeneath);
    struct stat status = {};
    if (::fstat(fd.get(), &status) != 0) throw base::Error::sys("fstat", path);
    FileEntry entry;
    entry.path = path;
    entry.mode = 0644;
    entry.size = static_cast<std::uint64_t>(status.st_size);
    base::FdSource content(fd.get());
    tar.add(entry, &content);
  }

  OutputFile output_;
  base::RootedDir root_;
  std::unique_ptr<ImageSink> layout_;
};

}  // namespace

std::unique_ptr<ImageSource> open_oci_archive_source(const fs::path& file,
                                                     const std::string& reference,
                                                     const fs::path& scratch) try {
  unpack_layout(file, base::RootedDir::open(scratch));
  return open_layout_source(scratch, reference);

} catch (base::Error& error) {
  error.add_context(file.string());
  throw;
}

std::unique_ptr<ImageSink> open_oci_archive_sink(const fs::path& file, const std::string& reference,
                                                 const fs::path& scratch) {
  return open_oci_archive_sink(file, std::vector<LayoutReference>{{.name = reference}}, scratch);
}

std::unique_ptr<ImageSink> open_oci_archive_sink(const fs::path& file,
                                                 std::vector<LayoutReference> references,
                                                 const fs::path& scratch) {
  return std::make_unique<OciArchiveSink>(file, std::move(references), scratch);
}

}  // namespace bld::registry
