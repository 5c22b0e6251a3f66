// Mounts in the code between fork and exec: system calls only, as in child_setup. All return 0 (or
// a descriptor), else -1 and errno.
#pragma once

#include <sys/mount.h>

#include <cstdint>

namespace bld::runtime {

inline constexpr unsigned long kSafeFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

// O_PATH, links not followed.
int open_path(int directory, const char* name);

// The detached mount at an opened file or directory.
int attach(int mount, int target);

// Binds what `source` names at what `target` names, with further attributes (MOUNT_ATTR_…). An
// empty name is the descriptor itself.
int bind(int source_dir, const char* source, int target_dir, const char* target, bool recursive,
         std::uint64_t attributes);

// A new file system at an opened directory, which becomes the current one.
int mount_at(int directory, const char* type, unsigned long flags, const char* options);

int mount_below(int directory, const char* name, const char* type, unsigned long flags,
                const char* options);

}  // namespace bld::runtime
