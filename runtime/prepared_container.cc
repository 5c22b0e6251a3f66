#include "runtime/prepared_container.h"

#include <poll.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/text.h"
#include "runtime/child_setup.h"
#include "runtime/id_map.h"
#include "runtime/mount_plan.h"

namespace bld::runtime {
namespace {

// For steps that run at the same time: more would only be thrown away.
constexpr std::size_t kMostWaiting = 4;

// Who moves this process to another group meanwhile is not followed.
const CgroupPlaces& own_cgroups() {
  static const CgroupPlaces places = CgroupPlaces::of_this_process();
  return places;
}

// The default limit of processes is tried once: where it cannot be had, it costs nothing.
ResourceLimits effective(ResourceLimits limits) {
  static const std::int64_t default_pids = with_default_pids({}, own_cgroups()).pids;
  if (limits.pids == 0) limits.pids = default_pids;
  return limits;
}

// Group 5, "tty" everywhere, if it is mapped.
std::string_view pts_options() {
  static const bool has_tty = is_mapped(current_gid_map(), 5);
  return has_tty ? "newinstance,ptmxmode=0666,mode=0620,gid=5"
                 : "newinstance,ptmxmode=0666,mode=0620";
}

std::uint64_t namespaces_of(const ContainerSpec& spec, ContainerBase::Kind kind) {
  if (kind == ContainerBase::Kind::kChroot) return 0;
  return CLONE_NEWPID | CLONE_NEWNS | (spec.shared.ipc ? 0U : CLONE_NEWIPC) |
         (spec.shared.uts ? 0U : CLONE_NEWUTS) | (spec.shared.cgroup ? 0U : CLONE_NEWCGROUP);
}

ino_t number_of(int network_fd) {
  struct stat status {};

  if (network_fd >= 0 && ::fstat(network_fd, &status) != 0)
    throw base::Error::sys("fstat", "network");
  return status.st_ino;
}

// Slots: /dev, the network, and then the control groups, as far as there are any.
void describe(PlanWriter<ContainerBase>& writer, const ContainerSpec& spec,
              const Foundation& foundation) {
  const bool has_namespaces = foundation.namespaces != 0;
  const bool has_dev = foundation.kind == ContainerBase::Kind::kContainer;
  ContainerBase& base = writer.head;
  base.kind = foundation.kind;
  base.sets_hostname = has_namespaces && !spec.shared.uts;
  base.hostname = writer.add(spec.hostname);
  base.dev = has_dev ? 0 : -1;
  base.network = foundation.network_fd < 0 ? -1 : base.dev + 1;
  base.owns_cgroup = has_namespaces && !spec.shared.cgroup;
  base.capabilities = foundation.kind == ContainerBase::Kind::kBundle ? ~std::uint64_t{0}
                                                                      : spec.capabilities.bits();
  base.shares_ipc = spec.shared.ipc;
  base.may_mount_sysfs = may_mount_sysfs(spec);
  const KernelFiles files = spec.kernel_files.of_kernel();
  base.hides_init = may_debug(spec.capabilities.bits()) && !spec.kernel_files.masked.empty();
  base.shm_options = writer.add(fmt::format("mode=1777,size={}", spec.shm_size_bytes));
  base.pts_options = writer.add(pts_options());
  base.masked = writer.add(files.masked);
  base.read_only = writer.add(files.read_only);
}

}  // namespace

Foundation Foundation::of(const ContainerSpec& spec, ContainerBase::Kind kind, int network_fd) {
  Foundation result;
  result.kind = kind;
  result.namespaces = namespaces_of(spec, kind);
  result.network_fd = network_fd;
  result.network = number_of(network_fd);
  result.limits = effective(spec.limits);
  PlanWriter<ContainerBase> writer;
  describe(writer, spec, result);
  result.base = writer.bytes();
  return result;
}

bool Foundation::operator==(const Foundation& other) const {
  return kind == other.kind && namespaces == other.namespaces && base == other.base &&
         network == other.network && limits == other.limits;
}

PreparedContainer::PreparedContainer(int control, const Foundation& foundation,
                                     const std::vector<Mount>& mounts)
    : foundation_(foundation), cgroup_(foundation.limits, own_cgroups()) {
  for (const Mount& mount : mounts) {
    const auto* file = std::get_if<FileMount>(&mount);
    // What is read-only is a script, and each has its own.
    if (file != nullptr && !file->is_secret && !file->read_only) files_.prepare(*file);
  }
  std::vector<int> fds;
  if (foundation.kind != ContainerBase::Kind::kChroot) dev_ = make_dev();
  if (foundation.kind == ContainerBase::Kind::kContainer) fds.push_back(dev_.get());
  if (foundation.network_fd >= 0) fds.push_back(foundation.network_fd);
  std::vector<FdSlot> entrances;
  for (const int entrance : cgroup_.entrances()) {
    entrances.push_back(static_cast<FdSlot>(fds.size()));
    fds.push_back(entrance);
  }
  PlanWriter<ContainerBase> writer(foundation.base);
  writer.head.cgroups = writer.add(entrances);
  sockets_ = request_child(control, {Request::Kind::kContainer, foundation.namespaces});
  send_plan(sockets_.plans.get(), writer.bytes(), fds);
}

PreparedContainer::~PreparedContainer() {
  sockets_.plans.reset();
  if (!sockets_.channel || cgroup_.entrances().empty()) return;
  // The group can go when nobody is in it any more.
  base::UniqueFd none;
  for (Report report; receive_report(sockets_.channel.get(), report, none);) {
    if (report.kind == Report::Kind::kReaped) break;
  }
}

void PreparedContainer::start(std::string_view plan, std::span<const int> fds) {
  send_plan(sockets_.plans.get(), plan, fds);
}

std::unique_ptr<PreparedContainer> PreparedContainers::take(const Foundation& foundation) {
  {
    const base::MutexLock lock(mutex_);
    const auto same = [&](const auto& container) { return container->foundation() == foundation; };
    const auto found = std::ranges::find_if(waiting_, same);
    if (found != waiting_.end()) {
      std::unique_ptr<PreparedContainer> result = std::move(*found);
      waiting_.erase(found);
      return result;
    }
  }
  return std::make_unique<PreparedContainer>(control_, foundation, std::vector<Mount>());
}

void PreparedContainers::prepare(const Foundation& foundation, const std::vector<Mount>& mounts) {
  const base::MutexLock lock(mutex_);
  const auto same = [&](const auto& container) { return container->foundation() == foundation; };
  if (std::ranges::any_of(waiting_, same)) return;
  if (waiting_.size() == kMostWaiting) waiting_.erase(waiting_.begin());
  waiting_.push_back(std::make_unique<PreparedContainer>(control_, foundation, mounts));
}

}  // namespace bld::runtime
