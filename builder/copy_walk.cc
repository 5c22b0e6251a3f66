#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "builder/copy_selection.h"
#include "builder/layer_xattrs.h"

namespace bld::builder {

namespace {

struct Child {
  std::string name;
  SourceFile file;  // without its path
};

// Everything that is directly in the folder, by names in byte order. One stat for each name,
// relative to the folder's descriptor; nothing but links is read.
std::vector<Child> children_of(const base::RootedDir& folder, const std::string& shown_path) {
  const int fd = ::openat(folder.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw base::Error::sys("open", base::printable(shown_path));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd), &::closedir);
  if (!stream) throw base::Error::sys("fdopendir", base::printable(shown_path));
  std::vector<Child> children;
  for (;;) {
    errno = 0;
    const struct dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name(entry->d_name);
    if (name == "." || name == "..") continue;
    Child child{std::string(name), {}};
    if (::fstatat(fd, entry->d_name, &child.file.status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // removed since it was listed
      throw base::Error::sys("stat", base::printable(join_paths(shown_path, name)));
    }
    const mode_t mode = child.file.status.st_mode;
    if (S_ISSOCK(mode)) continue;
    if (S_ISCHR(mode) && child.file.status.st_rdev == 0) {
      throw base::Error("{} is a character device 0/0, which stands for a deleted file in a layer",
                        base::printable(join_paths(shown_path, name)));
    }
    if (S_ISLNK(mode)) child.file.link = folder.read_link(child.name);
    children.push_back(std::move(child));
  }
  if (errno != 0) throw base::Error::sys("readdir", base::printable(shown_path));
  std::sort(children.begin(), children.end(),
            [](const Child& a, const Child& b) { return a.name < b.name; });
  return children;
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
    std::vector<Child> children = children_of(folder, join_paths(base_, path));
    if (!files_.empty() && files_.back().path == path) {
      files_.back().xattrs = layer_xattrs(folder.fd());
    }
    folder = base::RootedDir(base::UniqueFd());
    for (Child& child : children) {
      child.file.path = join_paths(path, child.name);
      add(std::move(child.file));
    }
  }

  void add(SourceFile file) {
    const std::string real = join_paths(base_, file.path);
    const std::string excluded_as = join_paths(filter_.exclude_prefix, file.path);
    const bool left_out = (filter_.ignore != nullptr && filter_.ignore->ignored(real)) ||
                          (filter_.exclude != nullptr && filter_.exclude->ignored(excluded_as));
    if (!S_ISDIR(file.status.st_mode)) {
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
