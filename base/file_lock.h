// flock(2) as an object: held until destroyed, or until the process dies.
// A lock file is never removed while somebody may open it, else two could hold "the" lock.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>

#include "base/unique_fd.h"

namespace bld::base {

class FileLock {
 public:
  enum class Mode { kShared, kExclusive };

  // Makes the file (0600) if it is missing, and waits.
  static FileLock wait(const std::filesystem::path& path, Mode mode);
  // Where the wait may be long: looks again and again. `tell` is called once, after two seconds.
  // Nothing if `stop` asks to give up.
  static std::optional<FileLock> wait(const std::filesystem::path& path, Mode mode,
                                      const std::stop_token& stop,
                                      const std::function<void()>& tell);
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
