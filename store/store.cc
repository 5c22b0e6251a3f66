#include "store/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/hash.h"
#include "base/rooted_dir.h"
#include "store/gc.h"
#include "store/state.h"

namespace bld::store {

using base::Error;
using base::RootedDir;
using base::UniqueFd;
namespace fs = std::filesystem;

namespace {

constexpr const char* kDirectories[] = {"blobs", "blobs/sha256", "blobs/sha512", "trees",
                                        "cache", "containers",   "tmp"};

// Nobody else may read images or place files that we then use.
void require_private(const fs::path& root, int fd, bool may_tighten) {
  struct stat info {};

  if (::fstat(fd, &info) != 0) throw Error::sys("fstat", root.string());
  if (info.st_uid != ::geteuid()) {
    throw Error("the store {} belongs to user {}, not to us", root.string(), info.st_uid);
  }
  if ((info.st_mode & 077) == 0) return;
  if (!may_tighten) {
    throw Error("the store {} is open to other users (mode {:04o}; it must be 0700)", root.string(),
                info.st_mode & 07777);
  }
  if (::fchmod(fd, 0700) != 0) throw Error::sys("chmod", root.string());
}

UniqueFd open_root(const fs::path& root) {
  return UniqueFd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

void make_root(const fs::path& root) {
  for (fs::path part; const fs::path& component : root.lexically_normal()) {
    part /= component;
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST && errno != EROFS) {
      throw Error::sys("making the store: mkdir", part.string());
    }
  }
}

void make_directories(int root_fd, const fs::path& root) {
  for (const char* name : kDirectories) {
    if (::mkdirat(root_fd, name, 0700) != 0 && errno != EEXIST) {
      throw Error::sys("making the store: mkdir", (root / name).string());
    }
  }
}

bool has_entries(const RootedDir& root, const char* name) {
  const std::optional<RootedDir> directory = root.find_dir(name);
  return directory && !directory->names().empty();
}

// The database appears whole or not at all, so that one that is empty or cut is known as damaged.
void make_database(const RootedDir& root, const fs::path& path) {
  if (has_entries(root, "blobs/sha256") || has_entries(root, "trees")) {
    if (::faccessat(root.fd(), "store.db", F_OK, 0) == 0) return;  // another process just made it
    throw Error("the store {} has blobs or trees, but its database store.db is missing",
                path.string());
  }
  const std::string name = "tmp/db-" + base::random_id();
  try {
    Database::create(path / name);
    if (::renameat2(root.fd(), name.c_str(), root.fd(), "store.db", RENAME_NOREPLACE) != 0) {
      throw Error::sys("rename", (path / "store.db").string());
    }
  } catch (const Error&) {
    // Another process may be making the store too, and take our file in tmp/ for a dead one's.
    if (::faccessat(root.fd(), "store.db", F_OK, 0) != 0) throw;
  }
  base::sync_fd(root.fd());
}

std::shared_ptr<StoreState> make_state(const StoreOptions& options) {
  try {
    return std::make_shared<StoreState>(options);
  } catch (const Error& error) {
    // The space kept for removing images on a full disk.
    const bool writes = options.access == Access::kReadWrite;
    if (!writes || !is_disk_full(error) || ::unlink((options.root / "reserve").c_str()) != 0) throw;
  }
  return std::make_shared<StoreState>(options);
}

}  // namespace

fs::path default_root(bool is_root) {
  if (is_root) return "/var/lib/bld";
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && data[0] == '/') {
    return fs::path(data) / "bld";
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') {
    throw Error("HOME is not set").hint("say where the store is with --root");
  }
  return fs::path(home) / ".local/share/bld";
}

Store Store::open(const StoreOptions& asked) {
  StoreOptions options = asked;
  options.root = fs::absolute(asked.root).lexically_normal();
  const bool writes = options.access == Access::kReadWrite;
  UniqueFd fd = open_root(options.root);
  if (!fd && writes && errno == ENOENT) {
    make_root(options.root);
    fd = open_root(options.root);
  }
  if (!fd) throw Error::sys("opening the store", options.root.string());
  const RootedDir root(std::move(fd));
  const bool is_empty = writes && ::faccessat(root.fd(), "store.db", F_OK, 0) != 0;
  require_private(options.root, root.fd(), is_empty && root.names().empty());
  if (writes) {
    if (::faccessat(root.fd(), "tmp", W_OK, AT_EACCESS) != 0 && errno != ENOENT) {
      throw Error::sys("writing the store", options.root.string());
    }
    make_directories(root.fd(), options.root);
    if (is_empty) make_database(root, options.root);
  }
  std::shared_ptr<StoreState> state = make_state(options);
  if (writes) {
    const std::vector<std::string> pins = remove_dead_leases(state->root);
    if (!pins.empty()) remove_orphans(*state, pins, {});
    state->make_reserve();
  }
  return Store(std::move(state));
}

Store::Store(std::shared_ptr<StoreState> state) : state_(std::move(state)) {}

Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

const fs::path& Store::root() const { return state_->root; }

fs::path Store::blob_path(const image::Digest& digest) const { return state_->blob_path(digest); }

fs::path Store::tree_path(std::string_view tree_id) const { return state_->tree_path(tree_id); }

fs::path Store::container_dir(const std::string& id) const { return state_->container_path(id); }

fs::path Store::cache_dir(std::string_view id) {
  const std::string name = base::to_hex(base::Sha256::of(base::as_bytes(id))).substr(0, 32);
  const fs::path path = state_->root / "cache" / name;
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    throw Error::sys("mkdir", path.string());
  }
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);  // last used: see usage()
  return path;
}

fs::path Store::make_temp_dir() {
  const fs::path path = state_->lease().new_path();
  if (::mkdir(path.c_str(), 0700) != 0) throw Error::sys("mkdir", path.string());
  return path;
}

}  // namespace bld::store
