// Tables of contents of layers. Each can be made again from the layer's blob, so nothing is synced
// and no row points to one.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/error.h"
#include "base/rooted_dir.h"
#include "layers/compression.h"
#include "layers/tar_reader.h"
#include "store/rows.h"
#include "store/state.h"
#include "store/toc_file.h"

namespace bld::store {

using base::Error;
namespace fs = std::filesystem;

namespace {

constexpr const char* kDirectory = "tocs";

std::optional<layers::Toc> read_toc(const fs::path& path) try {
  const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return std::nullopt;
  base::FdSource source(file.get());
  return layers::Toc::read(source);

} catch (const Error&) {
  return std::nullopt;  // cut short by a crash, of another version of bld, or too long
}

}  // namespace

fs::path StoreState::toc_path(std::string_view diff_id) const {
  return root / kDirectory / diff_id;
}

std::string kept_text(const layers::FileEntry& entry, base::ByteSource& content) {
  return layers::is_kept_in_toc(entry) ? base::read_to_end(content, entry.size) : std::string();
}

TocFile::TocFile(StoreState& state) : state_(state), path_(state.lease().new_path()) {
  file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file_) throw Error::sys("creating", path_.string());
  sink_.emplace(file_.get());
  writer_.emplace(*sink_);
}

TocFile::~TocFile() {
  if (!published_) ::unlink(path_.c_str());
}

void TocFile::publish(const image::DiffId& diff_id) {
  writer_->finish();
  const fs::path target = state_.toc_path(diff_id.digest.str());
  if (::rename(path_.c_str(), target.c_str()) != 0) {
    // The first one makes the place for them.
    const bool is_made = errno == ENOENT && (::mkdir(target.parent_path().c_str(), 0700) == 0 ||
                                             errno == EEXIST);
    if (!is_made || ::rename(path_.c_str(), target.c_str()) != 0) {
      throw Error::sys("rename", target.string());
    }
  }
  published_ = true;
}

void Store::write_toc(const image::DiffId& diff_id,
                      const std::function<void(layers::TocWriter&)>& fill) {
  TocFile file(*state_);
  fill(file.writer());
  file.publish(diff_id);
}

std::optional<layers::Toc> Store::read_toc(const image::DiffId& diff_id) {
  const fs::path path = state_->toc_path(diff_id.digest.str());
  if (auto toc = store::read_toc(path)) return toc;
  const std::optional<Layer> layer = find_layer(diff_id);
  if (!layer || layer->blobs.empty()) {
    throw Error("layer {} is not in the store as a blob", diff_id.digest.str());
  }
  const base::UniqueFd blob = open_blob(layer->blobs.front().digest);
  base::FdSource compressed(blob.get());
  const auto tar = layers::decompress(compressed);
  layers::TarReader reader(*tar);
  write_toc(diff_id, [&](layers::TocWriter& toc) {
    while (const layers::FileEntry* entry = reader.next()) {
      toc.add_from_tar(*entry, kept_text(*entry, reader.content()));
    }
  });
  return store::read_toc(path);
}

void remove_unused_tocs(StoreState& state) {
  const auto directory = base::RootedDir::open(state.root).find_dir(kDirectory);
  if (!directory) return;
  Session session(state.database, SessionKind::kRead);
  for (const std::string& name : directory->names()) {
    if (!session.query("SELECT 1 FROM layers WHERE diff_id = ?", name).next()) {
      state.trash(state.toc_path(name));
    }
  }
}

}  // namespace bld::store
