// Content by digest.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/file_io.h"
#include "store/blob_file.h"
#include "store/rows.h"
#include "store/state.h"

namespace bld::store {

using base::Error;
using base::UniqueFd;

BlobFile::BlobFile(StoreState& state) : state_(state), path_(state.lease().new_path()) {
  file_.reset(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file_) throw Error::sys("creating", path_.string());
}

BlobFile::~BlobFile() {
  if (!published_) ::unlink(path_.c_str());
}

void BlobFile::write(base::Bytes bytes) {
  base::write_all(file_.get(), bytes);
  hash_.write(bytes);
  size_ += bytes.size();
}

image::Digest BlobFile::finish() {
  digest_ = image::Digest::from_sha256(hash_.finish());
  return *digest_;
}

void BlobFile::publish() {
  BLD_CHECK(digest_ && !published_);
  base::sync_fd(file_.get());
  const std::filesystem::path final_path = state_.blob_path(*digest_);
  state_.pin_unrecorded(pin_of_blob(digest_->str()));
  if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, final_path.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno != EEXIST) throw Error::sys("rename", final_path.string());

    struct stat info {};

    const bool whole = ::lstat(final_path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
                       static_cast<std::uint64_t>(info.st_size) == size_;
    // One that the disk has cut short is replaced; whoever reads the old one keeps it.
    if (whole) return;
    if (::rename(path_.c_str(), final_path.c_str()) != 0) {
      throw Error::sys("rename", final_path.string());
    }
  }
  published_ = true;
}

std::size_t ExpectedSource::read(std::span<std::byte> buffer) {
  const std::size_t count = source_.read(buffer);
  if (count > expected_.size - file_.size_bytes()) {
    throw Error("blob {} is longer than the {} bytes that its descriptor says",
                expected_.digest.str(), std::uint64_t(expected_.size));
  }
  file_.write(buffer.first(count));
  return count;
}

void ExpectedSource::verify() {
  std::array<std::byte, 1 << 14> buffer;
  while (read(buffer) != 0) {
  }
  if (file_.size_bytes() != expected_.size) {
    throw Error("blob {} ends after {} of {} bytes", expected_.digest.str(), file_.size_bytes(),
                std::uint64_t(expected_.size));
  }
  const image::Digest digest = file_.finish();
  if (digest != expected_.digest) {
    throw Error("blob {} has the digest {} instead", expected_.digest.str(), digest.str());
  }
}

std::optional<image::Descriptor> Store::find_blob(const image::Digest& digest) {
  state_->pin(pin_of_blob(digest.str()));
  Session session(state_->database, SessionKind::kRead);
  return read_blob(session, digest.str());
}

UniqueFd Store::open_blob(const image::Digest& digest) {
  state_->pin(pin_of_blob(digest.str()));
  const std::filesystem::path path = state_->blob_path(digest);
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file && errno == ENOENT) throw Error("blob {} is not in the store", digest.str());
  if (!file) throw Error::sys("open", path.string());
  return file;
}

}  // namespace bld::store
