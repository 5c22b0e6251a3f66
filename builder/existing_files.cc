#include "builder/existing_files.h"

#include <sys/stat.h>

#include "base/file_io.h"
#include "layers/tree_walk.h"

namespace bld::builder {

namespace {

constexpr std::size_t kMostBytes = 1 << 20;

}  // namespace

std::optional<layers::FileEntry> DirectoryFiles::find(const std::string& path) const {
  const auto status = root_.lstat(path);
  if (!status) return std::nullopt;
  layers::FileEntry entry;
  if (S_ISDIR(status->st_mode)) {
    entry = layers::root_entry(root_.open_dir(path, base::Resolve::kInRootNoLinks));
    entry.opaque = false;
  } else {
    const auto [parent, name] = base::split_path(path);
    entry = layers::entry_of(root_.open_dir(parent, base::Resolve::kInRootNoLinks), name, *status);
  }
  entry.path = path;
  return entry;
}

std::optional<std::string> DirectoryFiles::read(const std::string& path) const {
  if (!root_.stat(path)) return std::nullopt;
  return base::read_fd(root_.open_regular(path).get(), kMostBytes);
}

}  // namespace bld::builder
