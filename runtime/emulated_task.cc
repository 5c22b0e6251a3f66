#include "runtime/emulated_task.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "base/text.h"

namespace bld::runtime {
namespace {

constexpr std::uint64_t kPage = 4096;

std::string task_path(pid_t task, const char* file) { return std::to_string(task) + "/" + file; }

// The task's own descriptor that such a path means. Neither /proc/self nor what it leads to can be
// resolved by another process.
std::optional<int> descriptor_named(std::string_view path) {
  constexpr std::array<std::string_view, 3> kStreams = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
  for (std::size_t i = 0; i < kStreams.size(); ++i) {
    if (path == kStreams[i]) return static_cast<int>(i);
  }
  for (const std::string_view prefix : {"/proc/self/fd/", "/dev/fd/"}) {
    if (!path.starts_with(prefix)) continue;
    const auto number = base::parse_unsigned(path.substr(prefix.size()));
    if (number && *number <= INT_MAX) return static_cast<int>(*number);
  }
  return std::nullopt;
}

// The number after a label of /proc/PID/status; the last one of its line where `last`.
std::optional<unsigned long long> field(const std::string& text, std::string_view label,
                                        bool last = false, int number_base = 10) {
  const std::size_t at = text.find("\n" + std::string(label) + ":");
  if (at == std::string::npos) return std::nullopt;
  const std::size_t start = at + label.size() + 2;
  std::string_view line = std::string_view(text).substr(start, text.find('\n', start) - start);
  if (last) line = line.substr(line.find_last_of(" \t") + 1);
  return std::strtoull(std::string(line).c_str(), nullptr, number_base);
}

}  // namespace

TaskFiles::TaskFiles()
    : proc_(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)),
      self_(::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (!proc_ || !self_) throw base::Error::sys("open", "/proc");
  // A root and a working directory of this thread alone.
  if (::unshare(CLONE_FS) != 0) throw base::Error::sys("unshare", "CLONE_FS");
  ::umask(0);
}

bool TaskFiles::choose(pid_t task) {
  task_ = task;
  return enter_root(task);
}

// What /proc/TID/root reads like depends on who reads it; the directory itself does not.
bool TaskFiles::enter_root(pid_t task) {
  const std::string path = task_path(task, "root");
  struct statx status;
  if (::statx(proc_.get(), path.c_str(), 0, STATX_INO | STATX_MNT_ID, &status) != 0) return false;
  const RootId wanted{status.stx_mnt_id, status.stx_ino, status.stx_dev_major,
                      status.stx_dev_minor};
  if (wanted == root_) return true;
  root_ = {};
  const base::UniqueFd root(::openat(proc_.get(), path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root || ::fchdir(root.get()) != 0 || ::chroot(".") != 0 || ::fchdir(self_.get()) != 0) {
    return false;
  }
  root_ = wanted;
  return true;
}

bool TaskFiles::read(std::uint64_t address, void* buffer, std::size_t size) const {
  const iovec here{buffer, size}, there{reinterpret_cast<void*>(address), size};
  return ::process_vm_readv(task_, &here, 1, &there, 1, 0) == static_cast<ssize_t>(size);
}

bool TaskFiles::write(std::uint64_t address, const void* data, std::size_t size) const {
  const iovec here{const_cast<void*>(data), size}, there{reinterpret_cast<void*>(address), size};
  return ::process_vm_writev(task_, &here, 1, &there, 1, 0) == static_cast<ssize_t>(size);
}

// A page at a time: what follows the text may not be there.
std::optional<std::string> TaskFiles::text(std::uint64_t address) const {
  std::string result;
  std::array<char, kPage> page;
  while (result.size() < PATH_MAX) {
    const std::size_t room = kPage - address % kPage;
    if (!read(address, page.data(), room)) return std::nullopt;
    const char* end = static_cast<const char*>(std::memchr(page.data(), 0, room));
    result.append(page.data(), end != nullptr ? static_cast<std::size_t>(end - page.data()) : room);
    if (end != nullptr) return result;
    address += room;
  }
  return std::nullopt;
}

base::UniqueFd TaskFiles::open_path(int directory, const std::string& path, LastLink link) const {
  if (link == LastLink::kFollowed) {
    if (const auto number = descriptor_named(path)) return open_descriptor(*number);
  }
  base::UniqueFd from;
  if (!path.starts_with('/')) {
    from = directory == AT_FDCWD
               ? base::UniqueFd(::openat(proc_.get(), task_path(task_, "cwd").c_str(),
                                         O_PATH | O_DIRECTORY | O_CLOEXEC))
               : open_descriptor(directory);
    if (!from) return from;
  }
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC | (link == LastLink::kNot ? O_NOFOLLOW : 0);
  how.resolve = RESOLVE_NO_MAGICLINKS;
  const int start = from ? from.get() : self_.get();
  return base::UniqueFd(
      static_cast<int>(::syscall(SYS_openat2, start, path.c_str(), &how, sizeof how)));
}

base::UniqueFd TaskFiles::open_descriptor(int number) const {
  const std::string name = task_path(task_, "fd/") + std::to_string(number);
  return base::UniqueFd(::openat(proc_.get(), name.c_str(), O_PATH | O_CLOEXEC));
}

std::string TaskFiles::read_proc(pid_t task, const char* file) const {
  const base::UniqueFd fd(
      ::openat(proc_.get(), task_path(task, file).c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, kPage> text;
  const ssize_t length = fd ? ::read(fd.get(), text.data(), text.size()) : -1;
  return length > 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : "";
}

std::optional<TaskStatus> TaskFiles::status(pid_t task) const {
  const std::string text = read_proc(task, "status");
  const auto process = field(text, "Tgid"), parent = field(text, "PPid");
  if (!process || !parent) return std::nullopt;
  TaskStatus result;
  result.process = static_cast<pid_t>(*process);
  result.parent = static_cast<pid_t>(*parent);
  result.innermost = static_cast<pid_t>(field(text, "NStgid", true).value_or(0));
  result.umask = static_cast<mode_t>(field(text, "Umask", false, 8).value_or(022));
  return result;
}

std::uint64_t TaskFiles::start_time(pid_t process) const {
  const std::string text = read_proc(process, "stat");
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  // proc(5): the 22nd field; the 3rd comes after the name.
  const auto fields = base::split(std::string_view(text).substr(name_end + 2), ' ');
  return fields.size() > 19 ? base::parse_unsigned(fields[19]).value_or(0) : 0;
}

}  // namespace bld::runtime
