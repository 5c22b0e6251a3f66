#include "registry/archive_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/hash.h"
#include "base/text.h"
#include "layers/compression.h"
#include "layers/tar_reader.h"

namespace bld::registry {

namespace {

namespace fs = std::filesystem;

// An image has a few files a layer, and at most 1000 layers.
constexpr std::uint64_t kMaxEntries = 100'000;

base::UniqueFd open_trusted(const fs::path& path, int flags) {
  base::UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0644));
  if (!fd) throw base::Error::sys("open", path.string());
  return fd;
}

// What exists and is more than a plain file under its own name: a pipe, a device, a link to one.
bool is_written_straight(const fs::path& file) {
  struct stat status = {};
  return ::lstat(file.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

}  // namespace

void read_archive(const fs::path& file, const VisitEntry& visit) {
  const base::UniqueFd fd = open_trusted(file, O_RDONLY);
  base::FdSource bytes(fd.get());
  const auto tar = layers::decompress(bytes);
  layers::TarReader reader(*tar, {.entries = kMaxEntries});
  while (const layers::FileEntry* entry = reader.next()) visit(*entry, reader.content());
}

void unpack_file(const base::RootedDir& root, const std::string& path,
                 const layers::FileEntry& entry, base::ByteSource& content, base::ByteSink* also) {
  struct statvfs space = {};
  if (::fstatvfs(root.fd(), &space) != 0) throw base::Error::sys("statvfs", path);
  const std::uint64_t free_bytes = std::uint64_t{space.f_bavail} * space.f_frsize;
  if (entry.size > free_bytes) {
    throw base::Error("\"{}\" in the archive has {} bytes, but only {} are free on the disk",
                      base::printable(entry.path), entry.size, free_bytes);
  }
  const base::UniqueFd fd =
      root.open_at(path, O_WRONLY | O_CREAT | O_EXCL, 0600, base::Resolve::kBeneath);
  base::FdSink file(fd.get());
  if (also == nullptr) {
    base::pump(content, file);
  } else {
    base::TeeSink both(file, *also);
    base::pump(content, both);
  }
}

OutputFile::OutputFile(fs::path file) : file_(std::move(file)) {
  if (file_ == kStandardOutput) {
    // Not opened: that would truncate a file that output is appended to, and fails for sockets.
    fd_.reset(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!fd_) throw base::Error::sys("dup", file_.string());
  } else if (is_written_straight(file_)) {
    fd_ = open_trusted(file_, O_WRONLY | O_TRUNC);
  } else {
    beside_ = file_.parent_path() / ("." + file_.filename().string() + "." + base::random_id());
    fd_ = open_trusted(beside_, O_WRONLY | O_CREAT | O_EXCL);
  }
  sink_.emplace(fd_.get());
}

OutputFile::~OutputFile() {
  if (!beside_.empty()) ::unlink(beside_.c_str());
}

void OutputFile::publish() {
  if (beside_.empty()) return;
  base::sync_fd(fd_.get());
  if (::rename(beside_.c_str(), file_.c_str()) != 0) {
    throw base::Error::sys("rename", file_.string());
  }
  beside_.clear();
  const fs::path folder = file_.has_parent_path() ? file_.parent_path() : fs::path(".");
  base::sync_fd(open_trusted(folder, O_RDONLY | O_DIRECTORY).get());
}

}  // namespace bld::registry
