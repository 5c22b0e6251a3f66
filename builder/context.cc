#include "builder/context.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <exception>
#include <future>
#include <span>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "builder/layer_xattrs.h"

namespace bld::builder {

namespace {

constexpr std::size_t kMaxIgnoreFileBytes = 4 << 20;
// File systems count time in steps of up to two seconds (FAT); clocks of servers differ a little.
constexpr std::int64_t kRacyNanoseconds = 2'500'000'000;

std::int64_t nanoseconds(const struct timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

store::FileStamp stamp_of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size_bytes = static_cast<std::uint64_t>(status.st_size),
          .mtime_ns = nanoseconds(status.st_mtim),
          .ctime_ns = nanoseconds(status.st_ctim)};
}

std::int64_t now_ns() {
  struct timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  return nanoseconds(now);
}

// Whether a change after `now` is sure to show in the stamp. Each change of contents sets the
// ctime, which nobody can set back; the mtime is looked at for file systems without one.
bool is_settled(const store::FileStamp& stamp, std::int64_t now) {
  return stamp.ctime_ns < now - kRacyNanoseconds && stamp.mtime_ns < now - kRacyNanoseconds;
}

struct ReadDigest {
  base::Sha256Value sha256{};
  bool settled = false;  // the stamp belongs to these contents, now and later
};

ReadDigest read_digest(const base::RootedDir& root, const ContentRequest& file) {
  const std::int64_t started = now_ns();
  const base::UniqueFd fd = root.open_regular(file.path, base::Resolve::kInRootNoLinks);
  std::array<std::byte, 128 << 10> buffer;
  base::Sha256 hash;
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw base::Error::sys("read", base::printable(file.path));
    if (count == 0) break;
    hash.write(std::span(buffer).first(static_cast<std::size_t>(count)));
  }
  ReadDigest result;
  result.sha256 = hash.finish();
  if (const auto xattrs = layer_xattrs(fd.get()); !xattrs.empty()) {
    hash.write(result.sha256);
    for (const auto& [name, value] : xattrs) {
      hash.write_field(name);
      hash.write_field(value);
    }
    result.sha256 = hash.finish();
  }
  struct stat after;
  if (::fstat(fd.get(), &after) != 0) throw base::Error::sys("fstat", base::printable(file.path));
  const store::FileStamp stamp = stamp_of(file.status);
  result.settled = stamp == stamp_of(after) && is_settled(stamp, started);
  return result;
}

// The files wanted, in their order.
std::vector<ReadDigest> read_all(const base::RootedDir& root,
                                 const std::vector<const ContentRequest*>& files) {
  std::vector<ReadDigest> results(files.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < files.size(); i = next++) {
      results[i] = read_digest(root, *files[i]);
    }
  };
  const std::size_t helpers =
      std::min<std::size_t>(files.size() / 4, std::max(2U, base::usable_processors()) - 1);
  if (helpers == 0) {
    work();
    return results;
  }
  std::vector<std::future<void>> done;
  base::ThreadPool pool(static_cast<unsigned>(helpers));
  for (std::size_t i = 0; i < helpers; ++i) done.push_back(pool.submit(work));
  std::exception_ptr failure;
  try {
    work();
  } catch (...) {
    failure = std::current_exception();
    next = files.size();
  }
  for (std::future<void>& future : done) {
    try {
      future.get();
    } catch (...) {
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
  return results;
}

// The text of an ignore file, or nothing where there is no such file.
std::optional<std::string> read_text(const base::RootedDir& directory, const std::string& name) {
  const auto status = directory.lstat(name);
  if (!status) return std::nullopt;
  const base::UniqueFd fd = directory.open_regular(name);
  return base::read_fd(fd.get(), kMaxIgnoreFileBytes);
}

// A path that the command line chose: links may lead anywhere.
std::optional<std::string> read_text(const std::filesystem::path& path) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw base::Error::sys("open", path.string());
  }
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) throw base::Error::sys("fstat", path.string());
  if (!S_ISREG(status.st_mode)) throw base::Error("{} is not a regular file", path.string());
  return base::read_fd(fd.get(), kMaxIgnoreFileBytes);
}

dockerfile::IgnoreFile find_ignore_file(const base::RootedDir& root,
                                        const std::optional<std::filesystem::path>& chosen,
                                        const std::filesystem::path& containerfile,
                                        PathKind containerfile_path) {
  if (chosen) {
    const auto text = read_text(*chosen);
    if (!text) throw base::Error::sys("open", chosen->string(), ENOENT);
    return dockerfile::IgnoreFile::parse(*text, chosen->string());
  }
  const auto names = containerfile.empty()
                         ? std::vector<std::string>()
                         : dockerfile::ignore_file_names_of(containerfile.filename().string());
  for (const std::string& name : names) {
    const std::filesystem::path beside = containerfile.parent_path() / name;
    const auto text = containerfile_path == PathKind::kInContext ? read_text(root, beside.string())
                                                                 : read_text(beside);
    if (text) {
      return dockerfile::IgnoreFile::parse(*text, beside.string());
    }
  }
  for (const char* name : {".containerignore", ".dockerignore"}) {
    if (const auto text = read_text(root, name)) {
      return dockerfile::IgnoreFile::parse(*text, name);
    }
  }
  return {};
}

}  // namespace

std::vector<base::Sha256Value> read_digests(const base::RootedDir& root,
                                            const std::vector<ContentRequest>& files) {
  std::vector<const ContentRequest*> all;
  all.reserve(files.size());
  for (const ContentRequest& file : files) all.push_back(&file);
  std::vector<base::Sha256Value> digests;
  digests.reserve(files.size());
  for (const ReadDigest& read : read_all(root, all)) digests.push_back(read.sha256);
  return digests;
}

std::vector<base::Sha256Value> FileDigests::of_all(const base::RootedDir& root,
                                                   const std::vector<ContentRequest>& files) {
  std::vector<store::FileStamp> stamps;
  stamps.reserve(files.size());
  for (const ContentRequest& file : files) stamps.push_back(stamp_of(file.status));
  const auto known = store_.lookup_file_digests(stamps);

  std::vector<base::Sha256Value> digests(files.size());
  std::vector<std::size_t> missing;
  {
    const base::MutexLock lock(mutex_);
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (known[i]) {
        digests[i] = *known[i];
      } else if (const auto found = learnt_.find(stamps[i]); found != learnt_.end()) {
        digests[i] = found->second;
      } else {
        missing.push_back(i);
      }
    }
  }
  std::vector<const ContentRequest*> to_read;
  to_read.reserve(missing.size());
  for (const std::size_t i : missing) to_read.push_back(&files[i]);
  const std::vector<ReadDigest> read = read_all(root, to_read);

  const base::MutexLock lock(mutex_);
  for (std::size_t i = 0; i < missing.size(); ++i) {
    digests[missing[i]] = read[i].sha256;
    if (read[i].settled) learnt_[stamps[missing[i]]] = read[i].sha256;
  }
  return digests;
}

void FileDigests::save() {
  std::vector<store::FileDigest> records;
  {
    const base::MutexLock lock(mutex_);
    for (const auto& [stamp, sha256] : learnt_) records.push_back({stamp, sha256});
    learnt_.clear();
  }
  if (!records.empty()) store_.remember_file_digests(records);
}

Context Context::open(const std::filesystem::path& directory,
                      const std::optional<std::filesystem::path>& ignore_file,
                      const std::filesystem::path& containerfile, PathKind containerfile_path) {
  base::RootedDir root = base::RootedDir::open(directory);
  dockerfile::IgnoreFile ignore =
      find_ignore_file(root, ignore_file, containerfile, containerfile_path);
  return Context(std::move(root), std::move(ignore));
}

}  // namespace bld::builder
