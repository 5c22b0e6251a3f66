#include "layers/merged_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <string>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "layers/file_writer.h"
#include "layers/tree_walk.h"
#include "layers/tree_writer.h"

namespace bld::layers {

namespace {

using base::Error;
using Type = FileEntry::Type;

class Addition {
 public:
  explicit Addition(const base::RootedDir& merged) : root_(merged), target_(merged, {0, nullptr}) {}

  void add(const WalkedFile& file) {
    const FileEntry& entry = file.entry;
    switch (entry.type) {
      case Type::kDirectory:
        add_directory(entry);
        break;
      case Type::kWhiteout:
        remove_name(parent_of(entry), file.name);
        break;
      case Type::kFile:
        add_file(file);
        break;
      default:
        target_.add(entry, nullptr);
    }
  }

  void finish() { target_.finish(); }

 private:
  int parent_of(const FileEntry& entry) {
    return target_.go_to(base::split_path(entry.path).parent);
  }

  void add_directory(const FileEntry& entry) {
    if (entry.opaque && entry.path.empty()) {
      for (const std::string& name : root_.names()) root_.remove_tree(name);
    } else if (entry.opaque) {
      remove_name(parent_of(entry), base::split_path(entry.path).name);
    }
    FileEntry plain = entry;
    plain.opaque = false;
    target_.add(plain, nullptr);
    const int directory = target_.go_to(entry.path);
    for (const auto& [name, value] : layer_xattrs(directory)) {
      if (!entry.xattrs.contains(name)) ::fremovexattr(directory, name.c_str());
    }
  }

  void add_file(const WalkedFile& file) {
    const int directory = parent_of(file.entry);
    remove_name(directory, file.name);
    const base::UniqueFd copy = create_file(directory, file.name, file.entry);
    if (!copy) throw Error::sys("create", "");
    base::copy_contents(file.fd, copy.get());
    set_metadata(copy.get(), file.entry);
  }

  const base::RootedDir& root_;
  TreeWriter target_;
};

Toc::Look hidden() { return {.kind = Toc::Look::Kind::kHidden, .entry = {}, .hides_lower = true}; }

Toc::Look shown(FileEntry entry, bool hides_lower) {
  hides_lower = hides_lower || entry.opaque;
  return {.kind = Toc::Look::Kind::kShown, .entry = std::move(entry), .hides_lower = hides_lower};
}

}  // namespace

void add_tree(const base::RootedDir& tree, const base::RootedDir& merged) {
  Addition addition(merged);
  TreeWalk walk(tree);
  while (const WalkedFile* file = walk.next()) {
    try {
      addition.add(*file);
    } catch (Error& error) {
      error.add_context(base::printable(file->entry.path));
      throw;
    }
  }
  addition.finish();
}

Toc::Look look_into_tree(const base::RootedDir& tree, std::string_view path) {
  base::RootedDir directory = tree.duplicate();
  FileEntry entry = root_entry(directory);
  bool is_opaque = entry.opaque;
  const auto components = base::path_components(path);
  for (std::size_t i = 0; i < components.size(); ++i) {
    const std::string name(components[i]);
    const auto status = directory.lstat(name);
    if (!status) return is_opaque ? hidden() : Toc::Look();
    if (is_whiteout(directory.fd(), name, *status)) return hidden();
    if (!S_ISDIR(status->st_mode)) {
      if (i + 1 < components.size()) return hidden();
      return shown(entry_of(directory, name, *status), is_opaque);
    }
    directory = directory.open_dir(name, base::Resolve::kInRootNoLinks);
    entry = root_entry(directory);
    is_opaque = is_opaque || entry.opaque;
  }
  return shown(std::move(entry), is_opaque);
}

bool shows(std::span<const base::RootedDir* const> trees, std::string_view path) {
  for (const base::RootedDir* tree : trees) {
    const Toc::Look look = look_into_tree(*tree, path);
    if (look.kind == Toc::Look::Kind::kShown) return true;
    if (look.hides_lower) return false;
  }
  return false;
}

}  // namespace bld::layers
