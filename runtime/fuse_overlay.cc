#include "runtime/fuse_overlay.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <cerrno>

#include "base/error.h"
#include "base/process.h"
#include "base/text.h"

namespace bld::runtime {

namespace {

namespace fs = std::filesystem;

constexpr const char* kProgram = "fuse-overlayfs";

// Its options are one text, with these in the places of commas.
std::string option_value(const fs::path& path) {
  if (path.native().find_first_of(",:\\") != std::string::npos) {
    throw base::Error("fuse-overlayfs takes no path with ',', ':' or '\\': {}",
                      base::printable(path.native()));
  }
  return path.native();
}

std::string options_for(const OverlayDirs& dirs) {
  // What is written is in the upper directory at once, where we read it when the command ended.
  std::string options = "writeback=0,lowerdir=";
  for (std::size_t i = 0; i < dirs.lower.size(); ++i) {
    if (i != 0) options += ':';
    options += option_value(dirs.lower[i]);
  }
  if (!dirs.upper.empty()) {
    options +=
        ",volatile,upperdir=" + option_value(dirs.upper) + ",workdir=" + option_value(dirs.work);
  }
  return options;
}

// The kernel's side. The mount has no path, so that nothing but descriptors keeps it alive.
base::UniqueFd mount_device(int device) {
  const base::UniqueFd context(::fsopen("fuse", FSOPEN_CLOEXEC));
  if (!context) throw base::Error::sys("fsopen", "fuse");
  const auto set = [&](unsigned command, const char* key, const char* value) {
    if (::fsconfig(context.get(), command, key, value, 0) != 0) {
      throw base::Error::sys("fsconfig", key != nullptr ? key : "fuse");
    }
  };
  const std::string number = std::to_string(device);
  set(FSCONFIG_SET_STRING, "fd", number.c_str());
  set(FSCONFIG_SET_STRING, "rootmode", "40000");
  set(FSCONFIG_SET_STRING, "user_id", "0");
  set(FSCONFIG_SET_STRING, "group_id", "0");
  set(FSCONFIG_SET_FLAG, "default_permissions", nullptr);
  set(FSCONFIG_SET_FLAG, "allow_other", nullptr);
  set(FSCONFIG_CMD_CREATE, nullptr, nullptr);
  base::UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV));
  if (!mount) throw base::Error::sys("fsmount", "fuse");
  return mount;
}

}  // namespace

bool is_on_overlay(const fs::path& directory) {
  struct statfs status = {};
  return ::statfs(directory.c_str(), &status) == 0 && status.f_type == OVERLAYFS_SUPER_MAGIC;
}

std::string why_no_fuse_overlay(const fs::path& directory) try {
  if (base::find_program(kProgram).empty()) return "fuse-overlayfs is not installed";
  mount_fuse_overlay({.lower = {directory}, .upper = {}, .work = {}});
  return "";

} catch (const base::Error& error) {
  return error.message();
}

base::UniqueFd mount_fuse_overlay(const OverlayDirs& dirs) {
  const base::UniqueFd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!device) throw base::Error::sys("open", "/dev/fuse");
  base::UniqueFd mount = mount_device(device.get());
  base::ProcessOptions options;
  options.args = {kProgram, "-o", options_for(dirs), "/dev/fd/" + std::to_string(device.get())};
  options.kept_fd = device.get();
  // It goes on in the background once all directories are open.
  const base::ProcessResult result = base::run_process(options);
  if (result.exit_status != 0) {
    throw base::Error("fuse-overlayfs: exit status {}: {}", result.exit_status,
                      base::printable(base::trim(result.error_output)));
  }
  return mount;
}

}  // namespace bld::runtime
