// What is there already where files are to be put, seen through names alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/rooted_dir.h"
#include "layers/file_entry.h"
#include "runtime/passwd.h"

namespace bld::builder {

class ExistingFiles {
 public:
  virtual ~ExistingFiles() = default;

  // The file of that name itself: nothing where there is none. `path` is clean and relative, "" is
  // the root; no directory on the way is a link. A hard link is the file.
  virtual std::optional<layers::FileEntry> find(const std::string& path) const = 0;

  // The contents of a small regular file; links lead to it. Nothing where there is none.
  virtual std::optional<std::string> read(const std::string& path) const = 0;
};

// For names of users and groups; `files` outlives it.
inline runtime::ImageFileReader user_files(const ExistingFiles& files) {
  return [&files](const std::string& path) { return files.read(path); };
}

// A directory of this machine.
class DirectoryFiles : public ExistingFiles {
 public:
  explicit DirectoryFiles(const base::RootedDir& root) : root_(root) {}

  std::optional<layers::FileEntry> find(const std::string& path) const override;
  std::optional<std::string> read(const std::string& path) const override;

 private:
  const base::RootedDir& root_;
};

}  // namespace bld::builder
