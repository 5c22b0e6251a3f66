#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "base/error.h"

namespace bld::base {

namespace {

UniqueFd open_lock_file(const std::filesystem::path& path) {
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) throw Error::sys("open", path.string());
  return file;
}

int operation(FileLock::Mode mode) { return mode == FileLock::Mode::kShared ? LOCK_SH : LOCK_EX; }

// False when another holds it (only with LOCK_NB).
bool lock(int fd, int how) {
  while (::flock(fd, how) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) throw Error::sys("flock", "");
  }
  return true;
}

}  // namespace

FileLock FileLock::wait(const std::filesystem::path& path, Mode mode) {
  return wait(open_lock_file(path), mode);
}

std::optional<FileLock> FileLock::wait(const std::filesystem::path& path, Mode mode,
                                       const std::stop_token& stop,
                                       const std::function<void()>& tell) {
  using namespace std::chrono_literals;
  UniqueFd file = open_lock_file(path);
  auto waited = 0ms;
  for (auto pause = 1ms; !lock(file.get(), operation(mode) | LOCK_NB);
       pause = std::min(pause * 2, std::chrono::milliseconds(50))) {
    if (stop.stop_requested()) return std::nullopt;
    std::this_thread::sleep_for(pause);
    if (waited < 2s && waited + pause >= 2s) tell();
    waited += pause;
  }
  return FileLock(std::move(file));
}

std::optional<FileLock> FileLock::attempt(const std::filesystem::path& path, Mode mode) {
  return attempt(open_lock_file(path), mode);
}

FileLock FileLock::wait(UniqueFd file, Mode mode) {
  lock(file.get(), operation(mode));
  return FileLock(std::move(file));
}

std::optional<FileLock> FileLock::attempt(UniqueFd file, Mode mode) {
  if (!lock(file.get(), operation(mode) | LOCK_NB)) return std::nullopt;
  return FileLock(std::move(file));
}

}  // namespace bld::base
