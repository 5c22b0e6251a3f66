#include "layers/squash.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "layers/dir_stack.h"
#include "layers/file_writer.h"
#include "layers/tree_walk.h"
#include "layers/tree_writer.h"

namespace bld::layers {

namespace {

using base::Error;
using Type = FileEntry::Type;

// The trees are added newest first, each putting only what nothing newer shows or hides. Until the
// end the target is itself in overlay format: its whiteouts hide what comes later.
class Squash {
 public:
  Squash(const base::RootedDir& target, const SquashOptions& options)
      : root_(target), options_(options), target_(target, {0, nullptr, true}) {}

  void add_tree(const base::RootedDir& tree) {
    TreeWalk walk(tree);
    std::string hidden;  // a directory that is hidden with all below it
    while (const WalkedFile* file = walk.next()) {
      const FileEntry& entry = file->entry;
      if (!hidden.empty() && entry.path.starts_with(hidden)) continue;
      hidden.clear();
      if (entry.path.empty()) {
        if (opaque_.contains("")) return;
        add_root(entry);
      } else if (!add(*file) && entry.type == Type::kDirectory) {
        hidden = entry.path + "/";
      }
    }
    // Opacity hides what is below this tree, not what is in it.
    opaque_.merge(next_opaque_);
    next_opaque_.clear();
    copies_.clear();
    is_newest_ = false;
  }

  void finish() {
    if (options_.keep_whiteouts) {
      for (const std::string& path : opaque_) target_.set_opaque(path);
    }
    target_.finish();
    if (!options_.keep_whiteouts) remove_whiteouts();
  }

 private:
  void add_root(const FileEntry& entry) {
    FileEntry plain = entry;
    plain.opaque = false;
    if (is_newest_) target_.add(plain, nullptr);
    if (entry.opaque) next_opaque_.insert("");
  }

  // False when nothing of the entry shows.
  bool add(const WalkedFile& file) {
    const FileEntry& entry = file.entry;
    const int directory = target_.go_to(base::split_path(entry.path).parent);
    struct stat newer;
    if (!stat_name(directory, file.name, newer)) {
      put(directory, file);
      return true;
    }
    if (!S_ISDIR(newer.st_mode) || opaque_.contains(entry.path)) return false;
    // A directory of a newer tree: it goes on down to the first that ends it.
    if (entry.type != Type::kDirectory || entry.opaque) next_opaque_.insert(entry.path);
    return entry.type == Type::kDirectory;
  }

  void put(int directory, const WalkedFile& file) {
    const FileEntry& entry = file.entry;
    if (entry.type == Type::kDirectory) {
      if (entry.opaque) next_opaque_.insert(entry.path);
      FileEntry plain = entry;
      plain.opaque = false;
      target_.add(plain, nullptr);
    } else if (entry.type == Type::kWhiteout) {
      target_.add(entry, nullptr);
    } else if (!options_.hard_links || !link(directory, file)) {
      copy(directory, file);
    }
  }

  static bool link(int directory, const WalkedFile& file) {
    const char* name = file.name.c_str();
    if (::linkat(file.parent_fd, name, directory, name, 0) == 0) return true;
    if (errno == EXDEV || errno == EPERM || errno == EMLINK) return false;
    throw Error::sys("link", base::printable(file.entry.path));
  }

  void copy(int directory, const WalkedFile& file) {
    FileEntry entry = file.entry;
    if (file.links > 1) {
      // The first name that shows is the file; it need not be the first of its tree.
      const auto [first, is_first] = copies_.try_emplace({file.device, file.inode}, entry.path);
      if (!is_first) {
        entry.type = Type::kHardLink;
        entry.link = first->second;
        target_.add(entry, nullptr);
        return;
      }
    }
    if (file.fd >= 0) {
      copy_file(directory, file.name, file.fd, entry);
    } else if (entry.type == Type::kHardLink) {
      copy_later_name(directory, file);
    } else {
      target_.add(entry, nullptr);
    }
  }

  static void copy_file(int directory, const std::string& name, int from, const FileEntry& entry) {
    const base::UniqueFd to = create_file(directory, name, entry);
    if (!to) throw Error::sys("create", base::printable(entry.path));
    base::copy_contents(from, to.get());
    set_metadata(to.get(), entry);
  }

  // A name of a file whose first name a newer tree hides: looked at as if it were alone.
  void copy_later_name(int directory, const WalkedFile& file) {
    FileEntry entry = file.entry;
    struct stat status;
    if (!stat_name(file.parent_fd, file.name, status)) throw Error("changed while it was read");
    if (S_ISREG(status.st_mode)) {
      const base::UniqueFd from(
          ::openat(file.parent_fd, file.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
      if (!from) throw Error::sys("open", base::printable(entry.path));
      entry.type = Type::kFile;
      entry.size = static_cast<std::uint64_t>(status.st_size);
      entry.xattrs = layer_xattrs(from.get());
      copy_file(directory, file.name, from.get(), entry);
    } else if (S_ISLNK(status.st_mode)) {
      entry.type = Type::kSymlink;
      entry.link = link_text(file.parent_fd, file.name);
      target_.add(entry, nullptr);
    } else if (S_ISFIFO(status.st_mode)) {
      entry.type = Type::kFifo;
      target_.add(entry, nullptr);
    }
  }

  void remove_whiteouts() {
    TreeWalk walk(root_);
    while (const WalkedFile* file = walk.next()) {
      if (file->entry.type != Type::kWhiteout) continue;
      struct stat parent;
      if (::fstat(file->parent_fd, &parent) != 0) throw Error::sys("fstat", "");
      if (::unlinkat(file->parent_fd, file->name.c_str(), 0) != 0) {
        throw Error::sys("unlink", base::printable(file->entry.path));
      }
      set_times(file->parent_fd, parent.st_mtim.tv_sec,
                static_cast<std::uint32_t>(parent.st_mtim.tv_nsec));
    }
  }

  const base::RootedDir& root_;
  const SquashOptions options_;
  TreeWriter target_;
  bool is_newest_ = true;
  std::set<std::string> opaque_;       // by a newer tree than the current one
  std::set<std::string> next_opaque_;  // by the current one
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> copies_;
};

}  // namespace

void squash(std::span<const base::RootedDir* const> trees, const base::RootedDir& target,
            const SquashOptions& options) {
  Squash merged(target, options);
  for (const base::RootedDir* tree : trees) merged.add_tree(*tree);
  merged.finish();
}

}  // namespace bld::layers
