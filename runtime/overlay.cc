#include "runtime/overlay.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <string>
#include <thread>

#include "base/error.h"
#include "runtime/ending_containers.h"
#include "runtime/fuse_overlay.h"

namespace bld::runtime {
namespace {

using std::filesystem::path;

base::UniqueFd open_path(const path& name) {
  base::UniqueFd fd(::open(name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw base::Error::sys("open", name.string());
  return fd;
}

// What the kernel said in words, if it did: each read of the context gives one message.
std::string kernel_message(int context) {
  char text[512];
  const ssize_t length = ::read(context, text, sizeof text - 1);
  if (length <= 2) return "";
  std::string message(text + 2, static_cast<std::size_t>(length) - 2);  // after "e "
  while (message.ends_with('\n')) message.pop_back();
  return message;
}

[[noreturn]] void throw_context_error(int context, const char* call, const std::string& object) {
  const int error_number = errno;
  base::Error error = base::Error::sys(call, object, error_number);
  if (const std::string message = kernel_message(context); !message.empty()) {
    error.add_context(message);
  }
  throw error;
}

void set_flag(int context, const char* name) {
  if (::fsconfig(context, FSCONFIG_SET_FLAG, name, nullptr, 0) != 0) {
    throw_context_error(context, "overlay", name);
  }
}

// The kernel refuses a work directory in which a volatile mount left its mark: nobody can know
// whether all was written. Here whoever commits the upper directory sees to that.
void remove_volatile_mark(const path& work) {
  const path mark = work / "work/incompat/volatile";
  for (const path& name : {mark / "dirty", mark, mark.parent_path()}) {
    if (::remove(name.c_str()) == 0) continue;
    if (errno == ENOENT) return;
    throw base::Error::sys("remove", name.string());
  }
}

// Gives the kernel a directory, which it resolves at once. By descriptor: a parameter is at most
// 255 bytes, some take backslashes as escapes, and everybody in the container reads them in
// /proc/self/mountinfo, where the paths of the host are nobody's business.
void set_directory(int context, const char* key, const path& directory) {
  const base::UniqueFd fd = open_path(directory);
  const std::string value = "/proc/self/fd/" + std::to_string(fd.get());
  if (::fsconfig(context, FSCONFIG_SET_STRING, key, value.c_str(), 0) != 0) {
    throw_context_error(context, "overlay", std::string(key) + "=" + directory.string());
  }
}

// Nothing if the kernel does not know lowerdir+ (before Linux 6.5).
base::UniqueFd mount_with_context(const OverlayDirs& dirs) {
  base::UniqueFd context(::fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context && errno == ENOSYS) return {};
  if (!context) throw base::Error::sys("fsopen", "overlay");
  set_flag(context.get(), "userxattr");
  for (std::size_t i = 0; i < dirs.lower.size(); ++i) {
    try {
      set_directory(context.get(), "lowerdir+", dirs.lower[i]);
    } catch (const base::Error& error) {
      if (i == 0 && error.error_number() == EINVAL) return {};
      throw;
    }
  }
  if (!dirs.upper.empty()) {
    set_flag(context.get(), "volatile");
    set_directory(context.get(), "upperdir", dirs.upper);
    set_directory(context.get(), "workdir", dirs.work);
  }
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    throw_context_error(context.get(), "overlay", dirs.upper.string());
  }
  base::UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV));
  if (!mount) throw base::Error::sys("fsmount", "overlay");
  return mount;
}

// A directory that exists only to mount on, for as long as mount(2) needs one.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "bld-mount-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw base::Error::sys("mkdtemp", pattern);
    path_ = pattern;
  }

  ~ScratchDirectory() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
    ::rmdir(path_.c_str());
  }

  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  base::UniqueFd mount_overlay(const std::string& options) {
    if (::mount("overlay", path_.c_str(), "overlay", MS_NODEV, options.c_str()) != 0) {
      throw base::Error::sys("mount", "overlay");
    }
    mounted_ = true;
    base::UniqueFd copy(::open_tree(AT_FDCWD, path_.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (!copy) throw base::Error::sys("open_tree", path_.string());
    return copy;
  }

 private:
  path path_;
  bool mounted_ = false;
};

// mount(2) takes one page of options. Descriptors are the shortest names there are: relative to
// /proc/self/fd, "lowerdir=12:13:14" holds 900 trees.
base::UniqueFd mount_with_options(const OverlayDirs& dirs) {
  std::vector<base::UniqueFd> open_dirs;
  const auto name = [&open_dirs](const path& directory) {
    open_dirs.push_back(open_path(directory));
    return std::to_string(open_dirs.back().get());
  };
  std::string options = "userxattr,lowerdir=";
  for (std::size_t i = 0; i < dirs.lower.size(); ++i) {
    if (i != 0) options += ':';
    options += name(dirs.lower[i]);
  }
  if (!dirs.upper.empty()) {
    options += ",volatile,upperdir=" + name(dirs.upper) + ",workdir=" + name(dirs.work);
  }
  if (options.size() >= 4095) {
    throw base::Error("{} layers are more than this kernel can stack", dirs.lower.size())
        .hint("Linux 6.5 and newer stack 500");
  }
  return ScratchDirectory().mount_overlay(options);
}

// A thread of its own may leave the current directory that all others share.
base::UniqueFd mount_in_own_directory(const OverlayDirs& dirs) {
  base::UniqueFd mount;
  std::exception_ptr failure;
  std::thread([&] {
    try {
      if (::unshare(CLONE_FS) != 0) throw base::Error::sys("unshare", "current directory");
      if (::chdir("/proc/self/fd") != 0) throw base::Error::sys("chdir", "/proc/self/fd");
      mount = mount_with_options(dirs);
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
  return mount;
}

base::UniqueFd bind(const path& directory, std::uint64_t flags) {
  base::UniqueFd mount = clone_mount(open_path(directory).get(), false);
  mount_attr attributes{};
  attributes.attr_set = flags;
  if (::mount_setattr(mount.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
    throw base::Error::sys("mount_setattr", directory.string());
  }
  return mount;
}

}  // namespace

base::UniqueFd mount_overlay(const OverlayDirs& dirs, OverlayApi api) {
  if (dirs.upper.empty() && dirs.lower.size() == 1) {
    return bind(dirs.lower.front(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
  }
  if (dirs.upper.empty() && dirs.lower.empty()) {
    throw base::Error("a view of no trees cannot be mounted");
  }
  // Nothing to hide and nothing to copy up: what is written needs no overlay to be a tree.
  if (dirs.lower.empty()) return bind(dirs.upper, MOUNT_ATTR_NODEV);
  if (api == OverlayApi::kFuse) return mount_fuse_overlay(dirs);
  EndingContainers::of_this_process().wait();
  if (!dirs.upper.empty()) remove_volatile_mark(dirs.work);
  base::UniqueFd mount;
  if (api == OverlayApi::kBest) mount = mount_with_context(dirs);
  if (!mount) mount = mount_in_own_directory(dirs);
  return mount;
}

base::UniqueFd mount_tmpfs(std::uint64_t size_bytes, mode_t mode) {
  base::UniqueFd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!context) throw base::Error::sys("fsopen", "tmpfs");
  const auto set = [&context](const char* key, const std::string& value) {
    if (::fsconfig(context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) != 0) {
      throw_context_error(context.get(), "tmpfs", std::string(key) + "=" + value);
    }
  };
  if (size_bytes != 0) set("size", std::to_string(size_bytes));
  set("mode", fmt::format("{:o}", mode));
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    throw_context_error(context.get(), "tmpfs", "create");
  }
  base::UniqueFd mount(
      ::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID));
  if (!mount) throw base::Error::sys("fsmount", "tmpfs");
  return mount;
}

base::UniqueFd clone_mount(int fd, bool recursive) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
                         (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  base::UniqueFd copy(::open_tree(fd, "", flags));
  if (!copy) throw base::Error::sys("open_tree", "/proc/self/fd/" + std::to_string(fd));
  return copy;
}

}  // namespace bld::runtime
