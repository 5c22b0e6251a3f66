// A process of a container, stopped in a system call, as the thread that answers the call sees it:
// its memory, and its files with its root and working directory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.h"

namespace bld::runtime {

// What /proc/TID/status tells.
struct TaskStatus {
  pid_t process = 0, parent = 0;
  pid_t innermost = 0;  // the process as it knows itself: 1 is the container's init
  mode_t umask = 022;
};

enum class LastLink { kFollowed, kNot };

// Takes over the calling thread: its root becomes that of the task, its working directory
// /proc/self/fd, so that the path "7" is descriptor 7, and its umask 0.
class TaskFiles {
 public:
  TaskFiles();

  // From now on the task is this one. False if it is gone.
  bool choose(pid_t task);

  bool read(std::uint64_t address, void* buffer, std::size_t size) const;
  bool write(std::uint64_t address, const void* data, std::size_t size) const;
  std::optional<std::string> text(std::uint64_t address) const;

  // O_PATH; nothing with errno. A path is resolved as the task would; not through /proc/PID/fd but
  // for the task's own descriptors by their usual names.
  base::UniqueFd open_path(int directory, const std::string& path, LastLink link) const;
  base::UniqueFd open_descriptor(int number) const;

  // Of any process, by its number here.
  std::optional<TaskStatus> status(pid_t task) const;
  // Tells processes apart that had the same number one after the other; 0 if there is none.
  std::uint64_t start_time(pid_t process) const;

 private:
  std::string read_proc(pid_t task, const char* file) const;
  bool enter_root(pid_t task);

  // Of a directory: its mount, and what it is there.
  struct RootId {
    std::uint64_t mount = 0, inode = 0;
    std::uint32_t device_major = 0, device_minor = 0;
    bool operator==(const RootId&) const = default;
  };

  base::UniqueFd proc_, self_;
  pid_t task_ = 0;
  RootId root_;
};

}  // namespace bld::runtime
