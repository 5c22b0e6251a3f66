// Limits of a container as a whole, by control groups: version 2 where the user's own group is
// delegated, and version 1 for root.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace bld::runtime {

// In Docker's terms; 0 and "" are no limit.
struct ResourceLimits {
  std::uint64_t memory_bytes = 0;
  std::int64_t memory_swap_bytes = 0;  // memory and swap together; -1: as much swap as there is
  std::uint64_t cpu_shares = 0, cpu_period_us = 0;
  std::int64_t cpu_quota_us = 0;
  std::string cpuset_cpus, cpuset_mems;
  std::int64_t pids = 0;      // -1: no limit, not even that of with_default_pids()
  std::string cgroup_parent;  // below the root of the hierarchy; empty: our own group

  bool any() const;
  bool operator==(const ResourceLimits&) const = default;
};

// Where each controller ("memory", "cpu", "cpuset", "pids") is, and which group in it is ours.
struct CgroupPlaces {
  struct Place {
    std::filesystem::path mount, own;  // `own` lies below `mount`
    bool unified = false;              // version 2
  };

  std::map<std::string, Place> controllers;

  static CgroupPlaces of_this_process();
};

// With the limit of processes that a container has if nobody says otherwise, where a group of
// version 2 is delegated to us: a fork bomb is held there. Elsewhere `limits` as they are.
ResourceLimits with_default_pids(ResourceLimits limits, const CgroupPlaces& places);

// A group of a container's own, removed on destruction, when its processes have ended. After a
// SIGKILL the next one that is made in the same place removes it.
class Cgroup {
 public:
  // Makes what can be made. Limits that cannot be set do not throw: they are in missing().
  explicit Cgroup(const ResourceLimits& limits,
                  const CgroupPlaces& places = CgroupPlaces::of_this_process());
  ~Cgroup();
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;

  // For each, a process that writes "0" enters. Empty without limits.
  std::vector<int> entrances() const;

  // A line for each limit that is not in force, with the reason.
  const std::vector<std::string>& missing() const { return missing_; }

  // How many processes of it the kernel ended for want of memory.
  std::uint64_t oom_kills() const;

 private:
  struct Group {
    std::filesystem::path path;
    base::UniqueFd lock, entrance;
  };

  struct Setting;

  void apply(const std::string& controller, const std::vector<Setting>& settings,
             const ResourceLimits& limits, const CgroupPlaces& places);
  void enter_parent(const std::string& name, const CgroupPlaces& places);
  Group& group_in(const std::filesystem::path& parent);

  std::map<std::filesystem::path, Group> groups_;  // by parent
  std::filesystem::path memory_;                   // the group that counts memory
  std::vector<std::string> missing_;
};

// What of `limits` this machine would not enforce: the lines of Cgroup::missing().
std::vector<std::string> unenforced(const ResourceLimits& limits);

}  // namespace bld::runtime
