#include "store/state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/hash.h"
#include "base/rooted_dir.h"
#include "base/unique_fd.h"
#include "store/gc.h"

namespace bld::store {

using base::Error;
using base::MutexLock;
using base::UniqueFd;
namespace fs = std::filesystem;

namespace {

constexpr off_t kReserveBytes = 1 << 20;
constexpr std::uint64_t kFreeForReserveBytes = 64 << 20;

Database::Mode mode_of(const StoreOptions& options) {
  return options.access == Access::kReadOnly ? Database::Mode::kReadOnly
                                             : Database::Mode::kReadWrite;
}

}  // namespace

StoreState::StoreState(const StoreOptions& options)
    : root(options.root),
      database(root / "store.db", mode_of(options)),
      waiting(options.waiting),
      stop(options.stop) {
  if (options.access == Access::kReadWrite) lease_ = std::make_unique<Lease>(root);
}

StoreState::~StoreState() {
  if (lease_ == nullptr) return;
  try {
    write_used_steps();
    const MutexLock lock(unrecorded_mutex_);
    const std::vector<std::string> pins(unrecorded_.begin(), unrecorded_.end());
    if (!pins.empty()) remove_orphans(*this, pins, lease_->id());
  } catch (const std::exception&) {
    // They stay until the next gc.
  }
}

Lease& StoreState::lease() {
  if (lease_ == nullptr) {
    throw Error("the store {} is opened for reading only", root.string());
  }
  return *lease_;
}

bool StoreState::pin(std::span<const std::string> objects) {
  return lease_ != nullptr && lease_->pin(objects);
}

StoreState::Exclusive::Exclusive(StoreState& state, std::string name)
    : state_(state), name_(std::move(name)) {
  const MutexLock lock(state_.busy_mutex_);
  while (!state_.busy_.insert(name_).second) state_.busy_changed_.wait(state_.busy_mutex_);
}

StoreState::Exclusive::~Exclusive() {
  const MutexLock lock(state_.busy_mutex_);
  state_.busy_.erase(name_);
  state_.busy_changed_.notify_all();
}

void StoreState::pin_unrecorded(const std::string& object) {
  lease().pin(object);
  const MutexLock lock(unrecorded_mutex_);
  unrecorded_.insert(object);
}

void StoreState::sync_trees() {
  const std::uint64_t wanted = trees_committed;
  const MutexLock lock(sync_mutex_);
  if (trees_synced_ >= wanted) return;
  const std::uint64_t reached = trees_committed;
  const UniqueFd trees(::open((root / "trees").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!trees) throw Error::sys("open", (root / "trees").string());
  base::sync_filesystem(trees.get());
  trees_synced_ = reached;
}

fs::path StoreState::blob_path(const image::Digest& digest) const {
  const std::string text = digest.str();
  const std::size_t colon = text.find(':');
  return root / "blobs" / text.substr(0, colon) / text.substr(colon + 1);
}

fs::path StoreState::tree_path(std::string_view tree_id) const { return root / "trees" / tree_id; }

fs::path StoreState::container_path(std::string_view id) const { return root / "containers" / id; }

bool StoreState::trash(const fs::path& path) {
  const fs::path away = lease().new_path();
  if (::rename(path.c_str(), away.c_str()) != 0) {
    if (errno == ENOENT) return false;
    throw Error::sys("rename", path.string());
  }
  const MutexLock lock(trash_mutex_);
  trash_.push_back(away.filename().string());
  return true;
}

std::optional<std::string> StoreState::take_spare_tree() {
  const MutexLock lock(spare_mutex_);
  if (spare_trees_.empty()) return std::nullopt;
  std::string name = std::move(spare_trees_.back());
  spare_trees_.pop_back();
  return name;
}

bool StoreState::keep_spare_tree(const std::string& name) {
  constexpr std::size_t kMost = 4;
  const MutexLock lock(spare_mutex_);
  if (spare_trees_.size() == kMost) return false;
  spare_trees_.push_back(name);
  return true;
}

void StoreState::empty_trash() {
  std::vector<std::string> names;
  {
    const MutexLock lock(trash_mutex_);
    names.swap(trash_);
  }
  if (names.empty()) return;
  const base::RootedDir directory = base::RootedDir::open(lease().directory());
  for (const std::string& name : names) directory.remove_tree(name);
}

bool StoreState::release_reserve() { return ::unlink((root / "reserve").c_str()) == 0; }

void StoreState::make_reserve() {
  const fs::path path = root / "reserve";

  struct stat info {};

  if (::stat(path.c_str(), &info) == 0) return;

  struct statvfs space {};

  if (::statvfs(root.c_str(), &space) != 0 ||
      std::uint64_t{space.f_bavail} * space.f_frsize < kFreeForReserveBytes) {
    return;
  }
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  // Without it, removing on a full disk may fail; nothing else does.
  if (file && ::posix_fallocate(file.get(), 0, kReserveBytes) != 0) ::unlink(path.c_str());
}

std::string row_seal(std::initializer_list<std::string_view> columns) {
  base::Sha256 hash;
  for (const std::string_view column : columns) hash.write_field(column);
  return base::to_hex(hash.finish()).substr(0, 16);
}

Time now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

std::int64_t seconds(Time time) { return time.time_since_epoch().count(); }

Time time_of(std::int64_t seconds) { return Time(std::chrono::seconds(seconds)); }

}  // namespace bld::store
