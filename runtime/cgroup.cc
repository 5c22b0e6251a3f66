#include "runtime/cgroup.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"

namespace bld::runtime {

using std::filesystem::path;

// One file of a group: its name in both versions ("" where a version has none), and its value.
struct Cgroup::Setting {
  const char* option;
  const char* file_v1;
  std::string value_v1;
  const char* file_v2;
  std::string value_v2;
};

namespace {

constexpr std::string_view kPrefix = "bld-";
constexpr std::int64_t kDefaultPids = 2048;

std::string read_or_empty(const path& file) {
  try {
    return base::read_file(file, 1 << 20);
  } catch (const base::Error&) {
    return "";
  }
}

bool has_word(const std::string& text, std::string_view word) {
  std::vector<std::string> words;
  for (const std::string& line : base::split(text, '\n')) {
    for (std::string& part : base::split(line, ' ')) words.push_back(std::move(part));
  }
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The kernel's files are there or cannot be made; in a directory of a test they can.
base::UniqueFd open_to_write(const path& file) {
  return base::UniqueFd(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

// 0 or the errno.
int write_value(const path& file, std::string_view value) {
  const base::UniqueFd fd = open_to_write(file);
  if (!fd) return errno;
  return ::write(fd.get(), value.data(), value.size()) < 0 ? errno : 0;
}

// Groups of processes of ours that were killed before they could remove them.
void remove_abandoned(const path& parent) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(parent, ignored)) {
    if (!entry.path().filename().string().starts_with(kPrefix)) continue;
    const base::UniqueFd lock(
        ::open(entry.path().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) ::rmdir(entry.path().c_str());
  }
}

// The parent's id of a process, or 0.
pid_t parent_of(const std::string& pid) {
  const std::string text = read_or_empty("/proc/" + pid + "/stat");
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos || end + 4 >= text.size()) return 0;
  const auto fields = base::split(std::string_view(text).substr(end + 2), ' ');
  return fields.size() < 2 ? 0 : static_cast<pid_t>(base::parse_unsigned(fields[1]).value_or(0));
}

// A group that has controllers for groups below it may hold no process: ours make room, if nobody
// else's are in it. 0 or the errno.
int leave_group(const path& group) {
  const std::string self = std::to_string(::getpid());
  std::vector<std::string> ours;
  for (const std::string& pid : base::split(read_or_empty(group / "cgroup.procs"), '\n')) {
    if (pid.empty()) continue;
    if (pid != self && parent_of(pid) != ::getpid()) return EBUSY;
    ours.push_back(pid);
  }
  const path main = group / "bld.main";
  if (::mkdir(main.c_str(), 0755) != 0 && errno != EEXIST) return errno;
  for (const std::string& pid : ours) {
    if (const int error = write_value(main / "cgroup.procs", pid); error != 0) return error;
  }
  return 0;
}

int enable(const path& parent, const std::string& controller) {
  const path control = parent / "cgroup.subtree_control";
  if (has_word(read_or_empty(control), controller)) return 0;
  if (!has_word(read_or_empty(parent / "cgroup.controllers"), controller)) return ENODEV;
  int error = write_value(control, "+" + controller);
  if (error != EBUSY) return error;
  error = leave_group(parent);
  return error != 0 ? error : write_value(control, "+" + controller);
}

// In all groups from the mount down to this one.
int enable_down_to(const path& group, const path& mount, const std::string& controller) {
  path at = mount;
  for (const path& name : group.lexically_relative(mount)) {
    if (const int error = enable(at, controller); error != 0) return error;
    if (name != ".") at /= name;
  }
  return enable(at, controller);
}

// A group that --cgroup-parent names need not be there. Who may not make it is told when it is
// used.
void make_parent(const std::string& name, const CgroupPlaces& places) {
  for (const auto& [controller, place] : places.controllers) {
    std::error_code ignored;
    std::filesystem::create_directories(place.mount / path(name).relative_path(), ignored);
  }
}

// A cpuset of version 1 takes no process before it has processors and memory.
void inherit_cpuset(const path& group) {
  for (const char* name : {"cpuset.cpus", "cpuset.mems"}) {
    if (!base::trim(read_or_empty(group / name)).empty()) continue;
    write_value(group / name, base::trim(read_or_empty(group.parent_path() / name)));
  }
}

std::string reason(int error, const path& parent, bool unified) {
  const std::string where = parent.string();
  switch (error) {
    case ENODEV:
      return "its controller is not delegated to " + where;
    case EBUSY:
      return "other processes share the control group " + where +
             "; run bld by systemd-run --user --scope -p Delegate=yes";
    case EACCES:
    case EPERM:
      if (!unified) return "control groups of version 1 are for root only";
      return "the control group " + where +
             " is not delegated to this user; run bld by systemd-run --user --scope -p "
             "Delegate=yes";
    case EROFS:
      return "control groups are read-only here: give the limit to the container around bld";
    default:
      return base::Error::sys("write", where, error).what();
  }
}

}  // namespace

bool ResourceLimits::any() const {
  return memory_bytes != 0 || memory_swap_bytes != 0 || cpu_shares != 0 || cpu_period_us != 0 ||
         cpu_quota_us != 0 || !cpuset_cpus.empty() || !cpuset_mems.empty() || pids > 0 ||
         !cgroup_parent.empty();
}

CgroupPlaces CgroupPlaces::of_this_process() {
  std::map<std::string, std::string> own;  // by controller; "" is version 2
  for (const std::string& line : base::split(read_or_empty("/proc/self/cgroup"), '\n')) {
    const auto fields = base::split(line, ':');
    if (fields.size() < 3) continue;
    for (const std::string& controller : base::split(fields[1], ',')) own[controller] = fields[2];
  }
  CgroupPlaces places;
  for (const std::string& line : base::split(read_or_empty("/proc/self/mountinfo"), '\n')) {
    const std::size_t separator = line.find(" - ");
    if (separator == std::string::npos) continue;
    const auto fields = base::split(line, ' ');
    const auto kind = base::split(std::string_view(line).substr(separator + 3), ' ');
    if (kind.size() < 3 || (kind[0] != "cgroup" && kind[0] != "cgroup2")) continue;
    const bool unified = kind[0] == "cgroup2";
    const path mount = fields[4];
    for (const char* controller : {"memory", "cpu", "cpuset", "pids"}) {
      if (!unified && !has_word(base::join(base::split(kind[2], ','), " "), controller)) continue;
      // Version 2 is for what version 1 does not have.
      if (unified && (places.controllers.contains(controller) ||
                      !has_word(read_or_empty(mount / "cgroup.controllers"), controller))) {
        continue;
      }
      // What is mounted in a container may be a part of the tree, and the names are of the whole.
      std::string group = own[unified ? "" : controller];
      if (fields[3] != "/" && (group + "/").starts_with(fields[3] + "/")) {
        group.erase(0, fields[3].size());
      }
      places.controllers[controller] = {mount, mount / path(group).relative_path(), unified};
    }
  }
  return places;
}

Cgroup::Cgroup(const ResourceLimits& limits, const CgroupPlaces& places) {
  if (!limits.any()) return;
  const auto text = [](auto number) { return std::to_string(number); };
  std::vector<Setting> memory, cpu, cpuset, pids;
  if (limits.memory_bytes != 0) {
    const std::string bytes = text(limits.memory_bytes);
    memory.push_back({"--memory", "memory.limit_in_bytes", bytes, "memory.max", bytes});
  }
  if (limits.memory_swap_bytes != 0) {
    const std::int64_t swap =
        limits.memory_swap_bytes - static_cast<std::int64_t>(limits.memory_bytes);
    memory.push_back({"--memory-swap", "memory.memsw.limit_in_bytes",
                      text(limits.memory_swap_bytes), "memory.swap.max",
                      limits.memory_swap_bytes < 0 ? "max" : text(swap)});
  }
  if (limits.cpu_shares != 0) {
    // The kernel's own conversion, from 2…262144 to 1…10000.
    const std::uint64_t shares = std::clamp<std::uint64_t>(limits.cpu_shares, 2, 262144);
    cpu.push_back({"--cpu-shares", "cpu.shares", text(limits.cpu_shares), "cpu.weight",
                   text(1 + (shares - 2) * 9999 / 262142)});
  }
  const std::string period = limits.cpu_period_us == 0 ? "100000" : text(limits.cpu_period_us);
  if (limits.cpu_period_us != 0) {
    cpu.push_back({"--cpu-period", "cpu.cfs_period_us", period, "cpu.max", "max " + period});
  }
  if (limits.cpu_quota_us != 0) {
    cpu.push_back({"--cpu-quota", "cpu.cfs_quota_us", text(limits.cpu_quota_us), "cpu.max",
                   (limits.cpu_quota_us < 0 ? "max" : text(limits.cpu_quota_us)) + " " + period});
  }
  for (const auto& [option, file, value] :
       {std::tuple{"--cpuset-cpus", "cpuset.cpus", &limits.cpuset_cpus},
        std::tuple{"--cpuset-mems", "cpuset.mems", &limits.cpuset_mems}}) {
    if (!value->empty()) cpuset.push_back({option, file, *value, file, *value});
  }
  if (limits.pids > 0) {
    pids.push_back({"--pids-limit", "pids.max", text(limits.pids), "pids.max", text(limits.pids)});
  }
  if (!limits.cgroup_parent.empty()) make_parent(limits.cgroup_parent, places);
  apply("memory", memory, limits, places);
  apply("cpu", cpu, limits, places);
  apply("cpuset", cpuset, limits, places);
  apply("pids", pids, limits, places);
  if (!limits.cgroup_parent.empty()) enter_parent(limits.cgroup_parent, places);
}

// Also without a limit: what the parent has counts.
void Cgroup::enter_parent(const std::string& name, const CgroupPlaces& places) {
  std::string trouble;
  if (places.controllers.empty()) trouble = "this machine has no control groups";
  for (const auto& [controller, place] : places.controllers) {
    const path parent = place.mount / path(name).relative_path();
    try {
      const Group& group = group_in(parent);
      if (controller == "cpuset" && !place.unified) inherit_cpuset(group.path);
    } catch (const base::Error& failure) {
      trouble = reason(failure.error_number(), parent, place.unified);
    }
  }
  if (!trouble.empty()) missing_.push_back("--cgroup-parent is not used: " + trouble);
}

void Cgroup::apply(const std::string& controller, const std::vector<Setting>& settings,
                   const ResourceLimits& limits, const CgroupPlaces& places) {
  if (settings.empty()) return;
  const auto complain = [this](const Setting& setting, const std::string& why) {
    missing_.push_back(std::string(setting.option) + " is not enforced: " + why);
  };
  const auto found = places.controllers.find(controller);
  if (found == places.controllers.end()) {
    for (const Setting& setting : settings) {
      complain(setting, "this machine has no control group controller \"" + controller + "\"");
    }
    return;
  }
  const CgroupPlaces::Place& place = found->second;
  const bool is_own = limits.cgroup_parent.empty();
  const path parent = is_own ? place.own : place.mount / path(limits.cgroup_parent).relative_path();
  int error = 0;
  if (place.unified) {
    error = is_own ? enable(parent, controller) : enable_down_to(parent, place.mount, controller);
  }
  try {
    if (error == 0) {
      const Group& group = group_in(parent);
      if (controller == "memory") memory_ = group.path;
      if (controller == "cpuset" && !place.unified) inherit_cpuset(group.path);
      for (const Setting& setting : settings) {
        const path file = group.path / (place.unified ? setting.file_v2 : setting.file_v1);
        const int failed = write_value(file, place.unified ? setting.value_v2 : setting.value_v1);
        if (failed != 0) complain(setting, base::Error::sys("write", file.string(), failed).what());
      }
      return;
    }
  } catch (const base::Error& failure) {
    error = failure.error_number();
  }
  for (const Setting& setting : settings) complain(setting, reason(error, parent, place.unified));
}

// Locked for as long as we live, which is how others know that it is in use.
Cgroup::Group& Cgroup::group_in(const path& parent) {
  const auto known = groups_.find(parent);
  if (known != groups_.end()) return known->second;
  static std::atomic<unsigned> counter = 0;
  remove_abandoned(parent);
  for (;;) {
    Group group;
    group.path = parent / (std::string(kPrefix) + std::to_string(::getpid()) + "-" +
                           std::to_string(counter++));
    if (::mkdir(group.path.c_str(), 0755) != 0) {
      if (errno == EEXIST) continue;
      throw base::Error::sys("mkdir", group.path.string());
    }
    group.lock.reset(::open(group.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Somebody took it for abandoned just now.
    if (!group.lock || ::flock(group.lock.get(), LOCK_EX | LOCK_NB) != 0) continue;
    group.entrance = open_to_write(group.path / "cgroup.procs");
    if (!group.entrance) {
      const int error_number = errno;
      ::rmdir(group.path.c_str());
      throw base::Error::sys("open", (group.path / "cgroup.procs").string(), error_number);
    }
    return groups_.emplace(parent, std::move(group)).first->second;
  }
}

Cgroup::~Cgroup() {
  for (auto& [parent, group] : groups_) {
    group.entrance.reset();
    // The last process may still be on its way out.
    for (int attempt = 0; attempt < 50 && ::rmdir(group.path.c_str()) != 0 && errno == EBUSY;
         ++attempt) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
}

std::vector<int> Cgroup::entrances() const {
  std::vector<int> result;
  for (const auto& [parent, group] : groups_) result.push_back(group.entrance.get());
  return result;
}

std::uint64_t Cgroup::oom_kills() const {
  if (memory_.empty()) return 0;
  for (const char* name : {"memory.events", "memory.oom_control"}) {
    for (const std::string& line : base::split(read_or_empty(memory_ / name), '\n')) {
      if (line.starts_with("oom_kill ")) {
        return base::parse_unsigned(std::string_view(line).substr(9)).value_or(0);
      }
    }
  }
  return 0;
}

ResourceLimits with_default_pids(ResourceLimits limits, const CgroupPlaces& places) {
  const auto found = places.controllers.find("pids");
  if (limits.pids != 0 || found == places.controllers.end() || !found->second.unified) {
    return limits;
  }
  ResourceLimits wanted;
  wanted.pids = kDefaultPids;
  wanted.cgroup_parent = limits.cgroup_parent;
  if (Cgroup(wanted, places).missing().empty()) limits.pids = kDefaultPids;
  return limits;
}

std::vector<std::string> unenforced(const ResourceLimits& limits) {
  return Cgroup(limits).missing();
}

}  // namespace bld::runtime
