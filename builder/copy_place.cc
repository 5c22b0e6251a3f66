#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "builder/chmod_mode.h"
#include "builder/copy_selection.h"
#include "builder/layer_xattrs.h"
#include "builder/resolve_links.h"
#include "layers/archive.h"
#include "layers/tree_walk.h"
#include "runtime/passwd.h"

namespace bld::builder {

namespace {

using Item = Selection::Item;
using Type = layers::FileEntry::Type;

// A file or folder of the layer before it is known what else claims its path.
struct Draft {
  std::string path;
  std::shared_ptr<const Item> item;
  const SourceFile* file = nullptr;  // null: the item's inline content
};

bool is_folder(const Draft& draft) {
  return draft.file != nullptr && S_ISDIR(draft.file->status.st_mode);
}

bool is_folder(const std::optional<layers::FileEntry>& file) {
  return file && file->type == Type::kDirectory;
}

Type type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return Type::kDirectory;
    case S_IFLNK:
      return Type::kSymlink;
    case S_IFIFO:
      return Type::kFifo;
    case S_IFCHR:
      return Type::kCharDevice;
    case S_IFBLK:
      return Type::kBlockDevice;
    default:
      return Type::kFile;
  }
}

// Opens the contents of a file that was seen with `status`; another file by now is an Error, since
// its digest is already part of the step's key.
layers::ContentOpener opener(std::shared_ptr<const Item> item, const SourceFile& file) {
  return [item = std::move(item), &file]() -> base::UniqueFd {
    const std::string path = item->path_of(file);
    base::UniqueFd fd = item->root->open_regular(path, base::Resolve::kInRootNoLinks);
    struct stat now;
    if (::fstat(fd.get(), &now) != 0) throw base::Error::sys("fstat", base::printable(path));
    const struct stat& then = file.status;
    const auto same = [](const struct timespec& a, const struct timespec& b) {
      return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
    };
    if (now.st_ino != then.st_ino || now.st_size != then.st_size ||
        !same(now.st_mtim, then.st_mtim)) {
      throw base::Error("{} changed while it was being copied", base::printable(path));
    }
    return fd;
  };
}

// Reads extended attributes of files that come in tree order: one folder is open at a time.
class FileXattrs {
 public:
  std::map<std::string, std::string> of(const Item& item, const SourceFile& file) {
    const std::string path = item.path_of(file);
    auto [parent, name] = base::split_path(path);
    if (!folder_ || root_ != item.root.get() || parent != parent_) {
      folder_.emplace(item.root->open_dir(parent, base::Resolve::kInRootNoLinks));
      root_ = item.root.get();
      parent_ = std::move(parent);
    }
    return layer_xattrs(folder_->fd(), name);
  }

 private:
  const base::RootedDir* root_ = nullptr;
  std::string parent_;
  std::optional<base::RootedDir> folder_;
};

class Placer {
 public:
  Placer(const CopyOperation& operation, const Selection& selection,
         const ExistingFiles& destination, const base::RootedDir& scratch)
      : operation_(operation), items_(selection.items()), below_(destination), scratch_(scratch) {
    if (!operation.chmod.empty()) {
      base::with_position(operation.places.chmod,
                          [&] { chmod_ = ChmodMode::parse(operation.chmod); });
    }
    if (!operation.chown.empty()) {
      const bool group_only = operation.chown.starts_with(':');
      base::with_position(operation.places.chown, [&] {
        owner_ = runtime::resolve_owner(user_files(destination),
                                        (group_only ? "0" : "") + operation.chown);
      });
    }
  }

  std::vector<layers::SourcedEntry> run() && {
    if (items_.empty()) return {};
    choose_target();
    add_folders_above();
    std::vector<Draft> drafts;
    for (const auto& item : items_) collect(item, drafts);
    resolve_clashes(drafts);
    if (!operation_.link) check_against_below(drafts);
    result_.reserve(result_.size() + drafts.size());
    for (const Draft& draft : drafts) result_.push_back(make_entry(draft));
    return std::move(result_);
  }

 private:
  // ── where it goes ────────────────────────────────────────────────────────────────────────────

  std::string shown_destination() const { return base::printable(operation_.destination); }

  // Sets target_ and, where a single file gets a name of its own, file_name_.
  void choose_target() {
    const std::string& written = operation_.destination;
    const bool says_folder = written.empty() || written == "." || written == ".." ||
                             written.ends_with('/') || written.ends_with("/.") ||
                             written.ends_with("/..");
    ResolvedFile resolved;
    if (operation_.link) {
      resolved.path = base::clean_absolute(written).substr(1);
      if (resolved.path.empty()) resolved.file = below_.find("");
    } else {
      resolved = resolve_links(below_, written);
    }
    const bool exists_as_folder = is_folder(resolved.file);
    const bool is_other = resolved.file && !exists_as_folder;
    const bool may_make_folder = says_folder || operation_.parents || operation_.makes_folder;
    if (items_.size() > 1 && !may_make_folder && !exists_as_folder) {
      throw base::Error(
          "several sources need a folder as destination, and \"{}\" is none: a folder ends in "
          "\"/\"",
          shown_destination());
    }
    const Item& first = *items_.front();
    const bool is_single_file =
        !operation_.parents && !says_folder && !exists_as_folder && items_.size() == 1 &&
        (first.kind == Item::Kind::kFile || first.kind == Item::Kind::kInline);
    if (is_single_file) {
      std::tie(target_, file_name_) = parts(resolved.path);
      return;
    }
    if (is_other) {
      throw base::Error("cannot copy into \"{}\": it is not a folder but a file",
                        shown_destination());
    }
    target_ = resolved.path;
  }

  static std::pair<std::string, std::string> parts(std::string_view path) {
    auto split = base::split_path(path);
    return {std::move(split.parent), std::move(split.name)};
  }

  // The target and the folders above it: as they are below, or new ones.
  void add_folders_above() {
    std::string path;
    bool exists = !operation_.link;
    for (const std::string_view name : base::path_components(target_)) {
      path = join_paths(path, name);
      std::optional<layers::FileEntry> there;
      if (exists) there = below_.find(path);
      exists = there.has_value();
      if (there && !is_folder(there)) {
        throw base::Error("cannot copy to \"{}\": \"/{}\" is not a folder but a file",
                          shown_destination(), base::printable(path));
      }
      result_.push_back({there ? std::move(*there) : new_folder(path), {}});
    }
    target_exists_ = exists;
  }

  layers::FileEntry new_folder(const std::string& path) const {
    layers::FileEntry entry;
    entry.path = path;
    entry.type = Type::kDirectory;
    entry.mode = chmod_ && chmod_->octal() ? *chmod_->octal() & 0777 : 0755;
    set_owner(entry);
    return entry;
  }

  void set_owner(layers::FileEntry& entry) const {
    if (!owner_) return;
    entry.uid = owner_->uid;
    entry.gid = owner_->gid;
  }

  // ── what goes there ──────────────────────────────────────────────────────────────────────────

  void collect(const std::shared_ptr<const Item>& item, std::vector<Draft>& drafts) {
    const std::string folder = join_paths(target_, item->prefix);
    for (const SourceFile& kept : item->kept_folders) {
      drafts.push_back({join_paths(target_, kept.path), item, &kept});
    }
    switch (item->kind) {
      case Item::Kind::kFolder:
        for (const SourceFile& file : item->files) {
          drafts.push_back({join_paths(folder, file.path), item, &file});
        }
        return;
      case Item::Kind::kArchive: {
        const auto unpacked = unpack(*item);
        for (const SourceFile& file : unpacked->files) {
          drafts.push_back({join_paths(folder, file.path), unpacked, &file});
        }
        return;
      }
      case Item::Kind::kFile:
      case Item::Kind::kInline:
        break;
    }
    const std::string& name = file_name_.empty() ? item->name : file_name_;
    if (name.empty()) {
      throw base::Error("no file name for \"{}\": name the file there, not only a folder",
                        shown_destination());
    }
    const SourceFile* file = item->files.empty() ? nullptr : &item->files.front();
    drafts.push_back({join_paths(folder, name), item, file});
  }

  // The archive as a folder below the scratch directory.
  std::shared_ptr<const Item> unpack(const Item& archive) {
    const std::string name = std::to_string(unpacked_++);
    const auto root = std::make_shared<const base::RootedDir>(scratch_.make_dirs(name, 0700));
    const base::UniqueFd fd =
        archive.root->open_regular(archive.base, base::Resolve::kInRootNoLinks);
    layers::ExtractOptions options;
    if (owner_) {
      options.uid = owner_->uid;
      options.gid = owner_->gid;
    }
    try {
      layers::extract_archive(fd.get(), *root, options);
    } catch (base::Error& error) {
      error.add_context("unpacking " + base::printable(archive.name));
      throw;
    }
    auto folder = std::make_shared<Item>();
    folder->kind = Item::Kind::kArchive;
    folder->owners = SourceOwners::kKept;
    folder->root = root;
    folder->prefix = archive.prefix;
    folder->files = walk_folder(*root, "", {});
    return folder;
  }

  // Sorts, and lets the last of several with one path win. Folders merge.
  static void resolve_clashes(std::vector<Draft>& drafts) {
    const auto before = [](const Draft& a, const Draft& b) {
      return layers::compare_paths(a.path, b.path) < 0;
    };
    if (!std::is_sorted(drafts.begin(), drafts.end(), before)) {
      std::stable_sort(drafts.begin(), drafts.end(), before);
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < drafts.size(); ++i) {
      if (kept > 0 && drafts[kept - 1].path == drafts[i].path) {
        if (is_folder(drafts[kept - 1]) != is_folder(drafts[i])) {
          throw base::Error("the sources have both a folder and a file for \"/{}\"",
                            base::printable(drafts[i].path));
        }
        --kept;
      }
      if (kept != i) drafts[kept] = std::move(drafts[i]);
      ++kept;
    }
    drafts.erase(drafts.begin() + static_cast<std::ptrdiff_t>(kept), drafts.end());
  }

  // ── what is there already ────────────────────────────────────────────────────────────────────

  // Goes down into the folders that exist below, and compares types. What is unpacked replaces
  // whatever is in its way.
  void check_against_below(const std::vector<Draft>& drafts) const {
    if (!target_exists_ && !target_.empty()) return;
    std::vector<std::string> folders = {target_};  // that exist, on the way to the draft
    for (const Draft& draft : drafts) {
      const std::string parent = base::split_path(draft.path).parent;
      while (folders.size() > 1 && !is_at_or_below(parent, folders.back())) folders.pop_back();
      if (parent != folders.back()) continue;  // in a folder that is new
      const std::optional<layers::FileEntry> there = below_.find(draft.path);
      if (!there) continue;
      if (is_folder(there) != is_folder(draft)) {
        if (draft.item->kind == Item::Kind::kArchive) continue;
        throw base::Error("cannot copy a {} over the {} \"/{}\"",
                          is_folder(draft) ? "folder" : "file",
                          is_folder(there)                ? "folder"
                          : there->type == Type::kSymlink ? "link"
                                                          : "file",
                          base::printable(draft.path));
      }
      if (is_folder(draft)) folders.push_back(draft.path);
    }
  }

  static bool is_at_or_below(std::string_view path, std::string_view folder) {
    return folder.empty() || (path.starts_with(folder) &&
                              (path.size() == folder.size() || path[folder.size()] == '/'));
  }

  // ── entries ──────────────────────────────────────────────────────────────────────────────────

  layers::SourcedEntry make_entry(const Draft& draft) {
    layers::SourcedEntry result;
    result.entry.path = draft.path;
    if (draft.file == nullptr) {
      result.entry.mode = new_mode(*draft.item, S_IFREG | 0644);
      result.entry.size = draft.item->content.size();
      result.content = draft.item->content;
      set_owner(result.entry);
      return result;
    }
    const struct stat& status = draft.file->status;
    result.entry.type = type_of(status.st_mode);
    result.entry.mode = new_mode(*draft.item, status.st_mode);
    if (draft.item->owners == SourceOwners::kKept) {
      result.entry.uid = status.st_uid;
      result.entry.gid = status.st_gid;
    }
    set_owner(result.entry);
    result.entry.mtime_sec = status.st_mtim.tv_sec;
    result.entry.mtime_nsec = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
    result.entry.link = draft.file->link;
    result.entry.xattrs = draft.file->xattrs;
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
      result.entry.dev_major = major(status.st_rdev);
      result.entry.dev_minor = minor(status.st_rdev);
    }
    if (S_ISREG(status.st_mode)) add_content(draft, result);
    return result;
  }

  // Names of one inode within one item stay names of one file.
  void add_content(const Draft& draft, layers::SourcedEntry& result) {
    const struct stat& status = draft.file->status;
    if (status.st_nlink > 1) {
      const auto [first, is_new] = first_names_.try_emplace(
          {draft.item.get(), status.st_dev, status.st_ino}, result.entry.path);
      if (!is_new) {
        result.entry.type = Type::kHardLink;
        result.entry.link = first->second;
        return;
      }
    }
    result.entry.xattrs = xattrs_.of(*draft.item, *draft.file);
    result.entry.size = static_cast<std::uint64_t>(status.st_size);
    if (status.st_size > 0) result.content = opener(draft.item, *draft.file);
  }

  mode_t new_mode(const Item& item, mode_t st_mode) const {
    if (S_ISLNK(st_mode)) return 0777;
    if (!chmod_ || item.kind == Item::Kind::kArchive) return st_mode & 07777;
    return chmod_->apply(st_mode);
  }

  const CopyOperation& operation_;
  const std::vector<std::shared_ptr<const Item>>& items_;
  const ExistingFiles& below_;
  const base::RootedDir& scratch_;
  std::optional<ChmodMode> chmod_;
  std::optional<runtime::Owner> owner_;
  std::string target_;     // the folder that everything goes into
  std::string file_name_;  // of a single file that gets its own name
  bool target_exists_ = false;
  int unpacked_ = 0;
  FileXattrs xattrs_;
  std::map<std::tuple<const Item*, dev_t, ino_t>, std::string> first_names_;
  std::vector<layers::SourcedEntry> result_;
};

}  // namespace

std::vector<layers::SourcedEntry> place(const CopyOperation& operation, const Selection& selection,
                                        const ExistingFiles& destination,
                                        const base::RootedDir& scratch) {
  return Placer(operation, selection, destination, scratch).run();
}

}  // namespace bld::builder
