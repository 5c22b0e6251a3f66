#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/owner_record.h"
#include "base/text.h"
#include "builder/copy_selection.h"
#include "builder/layer_xattrs.h"

namespace bld::builder {

namespace {

// Everything that is directly in the folder, by names in byte order, with paths below `path`. One
// stat for each name, relative to the folder's descriptor; nothing but links is read.
std::vector<SourceFile> files_in(const base::RootedDir& folder, const std::string& path,
                                 const std::string& shown_path) {
  std::vector<SourceFile> files;
  const std::vector<std::string> names = folder.names();
  files.reserve(names.size());
  for (const std::string& name : names) {
    SourceFile& file = files.emplace_back();
    if (::fstatat(folder.fd(), name.c_str(), &file.status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) {
        throw base::Error::sys("stat", base::printable(join_paths(shown_path, name)));
      }
      files.pop_back();  // removed since it was listed
      continue;
    }
    base::amend_at(folder.fd(), name, file.status);
    const mode_t mode = file.status.st_mode;
    // A character device 0/0 is overlayfs's name for a file that is not there.
    if (S_ISSOCK(mode) || (S_ISCHR(mode) && file.status.st_rdev == 0)) {
      files.pop_back();
      continue;
    }
    if (S_ISLNK(mode)) file.link = folder.read_link(name);
    file.path = join_paths(path, name);
  }
  return files;
}

class Walk {
 public:
  Walk(const base::RootedDir& root, std::string base, const WalkFilter& filter)
      : root_(root), base_(std::move(base)), filter_(filter) {}

  std::vector<SourceFile> run() && {
    enter(root_.open_dir(base_, base::Resolve::kInRootNoLinks), "");
    return std::move(files_);
  }

 private:
  // Each folder is closed before those in it are opened: depth costs no descriptors.
  void enter(base::RootedDir folder, const std::string& path) {
    std::vector<SourceFile> files = files_in(folder, path, join_paths(base_, path));
    if (!files_.empty() && files_.back().path == path) {
      files_.back().xattrs = layer_xattrs(folder.fd());
    }
    folder = base::RootedDir(base::UniqueFd());
    for (SourceFile& file : files) add(std::move(file));
  }

  void add(SourceFile file) {
    const bool is_plain = !S_ISDIR(file.status.st_mode);
    if (is_plain && filter_.ignore == nullptr && filter_.exclude == nullptr) {
      files_.push_back(std::move(file));
      return;
    }
    const std::string real = join_paths(base_, file.path);
    const std::string excluded_as = join_paths(filter_.exclude_prefix, file.path);
    const bool left_out = (filter_.ignore != nullptr && filter_.ignore->ignored(real)) ||
                          (filter_.exclude != nullptr && filter_.exclude->ignored(excluded_as));
    if (is_plain) {
      if (!left_out) files_.push_back(std::move(file));
      return;
    }
    if (left_out && !may_hold_kept(real, excluded_as)) return;
    const std::size_t place = files_.size();
    const std::string path = file.path;
    files_.push_back(std::move(file));
    enter(root_.open_dir(real, base::Resolve::kInRootNoLinks), path);
    if (left_out && files_.size() == place + 1) files_.pop_back();
  }

  bool may_hold_kept(const std::string& real, const std::string& excluded_as) const {
    if (filter_.ignore != nullptr && filter_.ignore->ignored(real) &&
        !filter_.ignore->may_have_exceptions_below(real))
      return false;
    return filter_.exclude == nullptr || !filter_.exclude->ignored(excluded_as) ||
           filter_.exclude->may_have_exceptions_below(excluded_as);
  }

  const base::RootedDir& root_;
  const std::string base_;
  const WalkFilter& filter_;
  std::vector<SourceFile> files_;
};

}  // namespace

std::string join_paths(std::string_view folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  if (name.empty()) return std::string(folder);
  std::string path;
  path.reserve(folder.size() + 1 + name.size());
  path.append(folder).append(1, '/').append(name);
  return path;
}

std::vector<SourceFile> walk_folder(const base::RootedDir& root, const std::string& base,
                                    const WalkFilter& filter) {
  return Walk(root, base, filter).run();
}

}  // namespace bld::builder
