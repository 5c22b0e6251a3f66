// flock(2) as an object: held until destroyed, or until the process dies.
// A lock file is never removed while somebody may open it, else two could hold "the" lock.
#pragma once

#include <filesystem>
#include <optional>

#include "base/unique_fd.h"

namespace bld::base {

class FileLock {
 public:
  enum class Mode { kShared, kExclusive };

  // Makes the file (0600) if it is missing, and waits.
  static FileLock wait(const std::filesystem::path& path, Mode mode);
  // Nothing if another holds it in a way that excludes ours.
  static std::optional<FileLock> attempt(const std::filesystem::path& path, Mode mode);
  // On an open file or directory.
  static FileLock wait(UniqueFd file, Mode mode);
  static std::optional<FileLock> attempt(UniqueFd file, Mode mode);

  int fd() const { return file_.get(); }

 private:
  explicit FileLock(UniqueFd file) : file_(std::move(file)) {}

  UniqueFd file_;
};

}  // namespace bld::base
