#include "runtime/child_mounts.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace bld::runtime {

int open_path(int directory, const char* name) {
  return ::openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

int attach(int mount, int target) {
  return ::move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int bind(int source_dir, const char* source, int target_dir, const char* target, bool recursive,
         std::uint64_t attributes) {
  const unsigned depth = recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U;
  const int copy = ::open_tree(
      source_dir, source,
      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | depth);
  if (copy < 0) return -1;
  mount_attr change{};
  change.attr_set = attributes;
  int result = 0;
  if (attributes != 0) {
    result = ::mount_setattr(copy, "", AT_EMPTY_PATH | depth, &change, sizeof change);
  }
  if (result == 0) {
    result = ::move_mount(copy, "", target_dir, target,
                          MOVE_MOUNT_F_EMPTY_PATH | (*target == 0 ? MOVE_MOUNT_T_EMPTY_PATH : 0));
  }
  const int error_number = errno;
  ::close(copy);
  errno = error_number;
  return result;
}

int mount_at(int directory, const char* type, unsigned long flags, const char* options) {
  if (::fchdir(directory) != 0) return -1;
  return ::mount(type, ".", type, flags, options);
}

int mount_below(int directory, const char* name, const char* type, unsigned long flags,
                const char* options) {
  const int target = open_path(directory, name);
  if (target < 0) return -1;
  const int result = mount_at(target, type, flags, options);
  const int error_number = errno;
  ::close(target);
  errno = error_number;
  return result;
}

}  // namespace bld::runtime
