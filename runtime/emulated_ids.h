// The user and group ids that processes believe to have, where the kernel knows of one id only.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "runtime/container_spec.h"
#include "runtime/emulated_task.h"

namespace bld::runtime {

// Real, effective, saved and that of file accesses, as credentials(7) has them. The functions are
// the system calls: 0, or a negative errno; kKeep leaves an id as it is.
class IdSet {
 public:
  static constexpr std::uint32_t kKeep = 0xffffffff;

  explicit IdSet(std::uint32_t id = 0) : real(id), effective(id), saved(id), file(id) {}

  int set(std::uint32_t id, bool privileged);
  int set_re(std::uint32_t new_real, std::uint32_t new_effective, bool privileged);
  int set_res(std::uint32_t new_real, std::uint32_t new_effective, std::uint32_t new_saved,
              bool privileged);
  std::uint32_t set_file(std::uint32_t id, bool privileged);  // the old one, always

  std::uint32_t real, effective, saved, file;

 private:
  bool has(std::uint32_t id) const { return id == real || id == effective || id == saved; }
};

struct Credentials {
  IdSet user, group;
  std::vector<gid_t> groups;

  bool privileged() const { return user.effective == 0; }

  bool in_group(gid_t id) const;
};

// A process has what its parent had when it was first seen, until it changes them.
class ProcessIds {
 public:
  ProcessIds(const TaskFiles& files, const User& first);

  // The process that the task belongs to. Valid until the next call.
  Credentials& of(pid_t task);

  // Whether all that ever ran was root.
  bool only_root() const { return only_root_; }

  void somebody_changed() { only_root_ = false; }

 private:
  struct Entry {
    std::uint64_t start_time = 0;
    Credentials credentials;
  };

  const Credentials& inherited(pid_t parent) const;
  const Entry* find(pid_t process) const;
  void forget_the_dead();

  const TaskFiles& files_;
  Credentials first_;
  std::map<pid_t, Entry> known_;
  bool only_root_;
};

}  // namespace bld::runtime
