#include "store/leases.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cstdint>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/hash.h"
#include "base/rooted_dir.h"
#include "base/text.h"

namespace bld::store {

using base::Error;
using base::FileLock;
using base::UniqueFd;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kSuffix = ".lease";
constexpr std::size_t kLeaseLimitBytes = 256 << 20;

std::string pin(std::string_view kind, std::string_view name) {
  return fmt::format("{} {}", kind, name);
}

UniqueFd open_lease(const fs::path& file, int flags) {
  return UniqueFd(::open(file.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600));
}

// A last line without its end was being written when its owner died, before anything came of it.
void add_lines(const std::string& text, std::vector<std::string>& lines) {
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(text.substr(begin, end - begin));
  }
}

bool is_unlinked(int fd) {
  struct stat info {};

  if (::fstat(fd, &info) != 0) throw Error::sys("fstat", "lease");
  return info.st_nlink == 0;
}

// Each directory made here begins in another part of the disk: ext4 looks for a free inode past all
// that were freed lately (without a journal), of which there are many where builds were.
// Other file systems know no such flag.
void spread_directories(const fs::path& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int flags = 0;
  if (!fd || ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) != 0 || (flags & FS_TOPDIR_FL) != 0) return;
  flags |= FS_TOPDIR_FL;
  (void)::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags);
}

}  // namespace

std::string pin_of_blob(std::string_view digest) { return pin("blob", digest); }

std::string pin_of_layer(std::string_view diff_id) { return pin("layer", diff_id); }

std::string pin_of_tree(std::string_view tree_id) { return pin("tree", tree_id); }

std::string pin_of_container(std::string_view id) { return pin("container", id); }

FileLock Lease::make_locked(const fs::path& root, std::string& id) {
  while (true) {
    id = base::random_id().substr(0, 16);
    const fs::path file = root / "tmp" / (id + std::string(kSuffix));
    UniqueFd fd = open_lease(file, O_RDWR | O_CREAT | O_EXCL | O_APPEND);
    if (!fd) throw Error::sys("creating", file.string());
    // Between the two calls another opener may take it for a dead one's.
    std::optional<FileLock> lock = FileLock::attempt(std::move(fd), FileLock::Mode::kExclusive);
    if (lock && !is_unlinked(lock->fd())) return std::move(*lock);
  }
}

Lease::Lease(const fs::path& root) : root_(root), lock_(make_locked(root, id_)) {
  spread_directories(root / "tmp");
  directory_ = root / "tmp" / id_;
  if (::mkdir(directory_.c_str(), 0700) != 0) throw Error::sys("mkdir", directory_.string());
}

Lease::~Lease() {
  try {
    const base::RootedDir tmp = base::RootedDir::open(root_ / "tmp");
    tmp.remove_tree(id_);
    ::unlinkat(tmp.fd(), (id_ + std::string(kSuffix)).c_str(), 0);
  } catch (const std::exception&) {
    // The lock ends with us; the next one to open the store removes it.
  }
}

bool Lease::pin(std::span<const std::string> objects) {
  const base::MutexLock lock(mutex_);
  std::string text;
  for (const std::string& object : objects) {
    if (!pins_.contains(object)) text += object + '\n';
  }
  if (text.empty()) return false;
  // A line that a full disk cut short must not swallow the next one.
  if (std::exchange(line_is_cut_, true)) text.insert(0, 1, '\n');
  const FileLock no_gc = FileLock::wait(root_ / "gc.lock", FileLock::Mode::kShared);
  base::write_all(lock_.fd(), base::as_bytes(text));
  line_is_cut_ = false;
  pins_.insert(objects.begin(), objects.end());
  return true;
}

std::string Lease::new_path() {
  const base::MutexLock lock(mutex_);
  return (directory_ / std::to_string(next_++)).string();
}

FileLock lock_for_gc(const fs::path& root) {
  return FileLock::wait(root / "gc.lock", FileLock::Mode::kExclusive);
}

std::set<std::string, std::less<>> live_pins(const fs::path& root, std::string_view except_id) {
  std::vector<std::string> lines;
  const base::RootedDir tmp = base::RootedDir::open(root / "tmp");
  for (const std::string& name : tmp.names()) {
    if (!name.ends_with(kSuffix)) continue;
    if (name.size() == except_id.size() + kSuffix.size() && name.starts_with(except_id)) continue;
    // A dead one's count too: they do no harm, and the next open removes them.
    const UniqueFd file = open_lease(root / "tmp" / name, O_RDONLY);
    if (file) add_lines(base::read_fd(file.get(), kLeaseLimitBytes), lines);
  }
  return {lines.begin(), lines.end()};
}

std::vector<std::string> remove_dead_leases(const fs::path& root) {
  std::vector<std::string> pins;
  const base::RootedDir tmp = base::RootedDir::open(root / "tmp");
  const std::vector<std::string> names = tmp.names();
  for (const std::string& name : names) {
    const std::string id =
        name.ends_with(kSuffix) ? name.substr(0, name.size() - kSuffix.size()) : name;
    const fs::path file = root / "tmp" / (id + std::string(kSuffix));
    UniqueFd fd = open_lease(file, O_RDWR);
    if (!fd) {
      // An owner makes the lock first and removes it last, so this is nobody's.
      tmp.remove_tree(name);
      continue;
    }
    const int number = fd.get();
    const std::optional<FileLock> lock =
        FileLock::attempt(std::move(fd), FileLock::Mode::kExclusive);
    if (!lock || is_unlinked(number)) continue;
    add_lines(base::read_fd(number, kLeaseLimitBytes), pins);
    tmp.remove_tree(id);
    ::unlinkat(tmp.fd(), (id + std::string(kSuffix)).c_str(), 0);
  }
  return pins;
}

}  // namespace bld::store
