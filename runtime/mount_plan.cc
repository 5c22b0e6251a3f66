#include "runtime/mount_plan.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>

#include "base/error.h"
#include "base/file_io.h"
#include "base/owner_record.h"
#include "base/rooted_dir.h"
#include "base/text.h"
#include "runtime/child_bundle.h"
#include "runtime/id_map.h"
#include "runtime/overlay.h"

namespace bld::runtime {
namespace {

using Kind = MountPoints::Kind;

bool is_directory(int fd) {
  struct stat status {};

  if (::fstat(fd, &status) != 0) throw base::Error::sys("fstat", "mount source");
  return S_ISDIR(status.st_mode);
}

void set_attributes(int mount, std::uint64_t attributes, bool recursive, const std::string& what) {
  mount_attr change{};
  change.attr_set = attributes;
  const unsigned flags = AT_EMPTY_PATH | (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  if (::mount_setattr(mount, "", flags, &change, sizeof change) != 0) {
    throw base::Error::sys("mount_setattr", what);
  }
}

base::UniqueFd mount_root(const ContainerSpec& spec) {
  if (const auto* overlay = std::get_if<OverlayRoot>(&spec.root)) {
    OverlayDirs dirs{overlay->lower, overlay->upper, overlay->work};
    if (!overlay->mount_points.empty()) dirs.lower.push_back(overlay->mount_points);
    return mount_overlay(dirs, spec.overlay_api);
  }
  return mount_overlay({{}, std::get<PlainRoot>(spec.root).directory, {}});
}

std::filesystem::path upper_of(const RootFilesystem& root) {
  const auto* overlay = std::get_if<OverlayRoot>(&root);
  return overlay == nullptr || overlay->lower.empty() ? std::filesystem::path() : overlay->upper;
}

void make_file(int directory, const std::string& name, std::string_view contents) {
  const base::UniqueFd file(
      ::openat(directory, name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (!file) throw base::Error::sys("create", name);
  base::write_all(file.get(), base::as_bytes(contents));
}

}  // namespace

base::UniqueFd make_dev() {
  base::UniqueFd dev = mount_tmpfs(64 << 20, 0755);
  set_attributes(dev.get(), MOUNT_ATTR_NOEXEC, false, "/dev");
  for (const char* name : {"pts", "shm", "mqueue"}) {
    if (::mkdirat(dev.get(), name, 0755) != 0) throw base::Error::sys("mkdir", name);
  }
  for (const char* name : {"null", "zero", "full", "random", "urandom", "tty"}) {
    const base::UniqueFd file(::openat(dev.get(), name, O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!file) throw base::Error::sys("create", name);
  }
  constexpr std::array<std::array<const char*, 2>, 5> kLinks = {{{"/proc/self/fd", "fd"},
                                                                 {"/proc/self/fd/0", "stdin"},
                                                                 {"/proc/self/fd/1", "stdout"},
                                                                 {"/proc/self/fd/2", "stderr"},
                                                                 {"pts/ptmx", "ptmx"}}};
  for (const auto& [text, name] : kLinks) {
    if (::symlinkat(text, dev.get(), name) != 0) throw base::Error::sys("symlink", name);
  }
  return dev;
}

bool may_mount_sysfs(const ContainerSpec& spec) {
  // Root of the machine owns its network.
  static const bool owns_host_network = !is_user_namespace();
  return (spec.network != NetworkMode::kHost || owns_host_network) && !spec.shared.cgroup;
}

MountPlan::MountPlan(const ContainerSpec& spec, int dev, ContainerFiles& files)
    : overlay_api_(spec.overlay_api), files_(files) {
  try {
    root_ = keep(mount_root(spec));
  } catch (base::Error& error) {
    error.add_context("mounting the root filesystem");
    throw;
  }
  if (!spec.runtime.program.empty()) make_bundle();
  points_ = std::make_unique<MountPoints>(fds_[root_], upper_of(spec.root));
  const auto* overlay = std::get_if<OverlayRoot>(&spec.root);
  if (overlay != nullptr && !overlay->mount_points.empty()) {
    for (const char* name : {"etc", "run"}) points_->expect_copy_up(name);
  }
  try {
    add_kernel_mounts(dev);
    for (const Mount& mount : spec.mounts) {
      std::visit([this](const auto& value) { add_mount(value); }, mount);
    }
    if (bundle_ >= 0) {
      make_file(fds_[bundle_], "config.json", bundle_config(spec, bundle_mounts_));
    }
  } catch (...) {
    ops_.clear();
    clean_up();
    throw;
  }
}

std::string MountPlan::runtime_error() const {
  if (bundle_ < 0) return "";
  const base::UniqueFd log(
      ::openat(fds_[bundle_], "log", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!log) return "";
  const std::string text = base::read_fd(log.get(), 1 << 20);
  const std::string_view lines = base::trim(text);
  const std::string_view last = lines.substr(lines.rfind('\n') + 1);
  // runc writes warnings there as well.
  if (last.find("level=warning") != last.npos || last.find("level=info") != last.npos) return "";
  return base::printable(last);
}

MountPlan::~MountPlan() {
  try {
    if (points_) clean_up();
  } catch (const base::Error&) {
    // Whoever must know calls clean_up().
  }
}

FdSlot MountPlan::keep(base::UniqueFd fd) {
  fds_.push_back(fd.get());
  owned_.push_back(std::move(fd));
  return static_cast<FdSlot>(fds_.size() - 1);
}

void MountPlan::make_bundle() {
  bundle_ = keep(mount_tmpfs(0, 0700));
  for (const char* name : {"rootfs", "mounts", "scratch", "empty", "state"}) {
    if (::mkdirat(fds_[bundle_], name, 0700) != 0) throw base::Error::sys("mkdir", name);
  }
}

// A place for the mount in the bundle; the runtime is told to bind it from there to the target.
MountPlan::Target MountPlan::place_in_bundle(const Target& target, std::uint64_t attributes,
                                             FdSlot source) {
  const std::string name = "mounts/" + std::to_string(bundle_mounts_.size());
  if (is_directory(fds_[source])) {
    if (::mkdirat(fds_[bundle_], name.c_str(), 0700) != 0) throw base::Error::sys("mkdir", name);
  } else {
    make_file(fds_[bundle_], name, "");
  }

  struct statvfs status {};

  if (::fstatvfs(fds_[source], &status) != 0) throw base::Error::sys("fstatvfs", target.path);
  BundleMount mount{target.path, std::string(kBundleDirectory) + "/" + name, {}};
  const auto option = [&](unsigned long flag, std::uint64_t attribute, const char* word) {
    if ((status.f_flag & flag) != 0 || (attributes & attribute) != 0) mount.options.push_back(word);
  };
  option(ST_RDONLY, MOUNT_ATTR_RDONLY, "ro");
  option(ST_NOSUID, MOUNT_ATTR_NOSUID, "nosuid");
  option(ST_NODEV, MOUNT_ATTR_NODEV, "nodev");
  option(ST_NOEXEC, MOUNT_ATTR_NOEXEC, "noexec");
  bundle_mounts_.push_back(std::move(mount));
  base::UniqueFd place(::openat(fds_[bundle_], name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!place) throw base::Error::sys("open", name);
  return {std::move(place), target.path};
}

void MountPlan::add(MountAction action, FdSlot source, Target target, std::uint64_t attributes,
                    std::string line) {
  if (bundle_ >= 0 && target.fd) {
    // The kernel's own file systems are made by the runtime.
    if (action != MountAction::kAttach && action != MountAction::kBind) return;
    target = place_in_bundle(target, attributes, source);
  }
  lines_.push_back(std::move(line));
  ops_.push_back({action, source, target.fd ? keep(std::move(target.fd)) : -1, attributes});
}

void MountPlan::add_kernel_mounts(int dev) {
  add(MountAction::kProc, -1, points_->make_without_links("proc"), 0, "proc on /proc");
  add(MountAction::kSys, -1, points_->make_without_links("sys"), 0, "sysfs on /sys");
  Target target = points_->make_without_links("dev");
  points_->add_mount(target, dev);
  add(MountAction::kDev, -1, std::move(target), 0, "tmpfs on /dev");
}

void MountPlan::add_mount(const BindMount& mount) {
  const FdSlot source = keep(clone_mount(mount.source_fd, mount.recursive));
  const std::uint64_t attributes =
      (mount.read_only ? MOUNT_ATTR_RDONLY : 0) | (mount.nosuid ? MOUNT_ATTR_NOSUID : 0) |
      (mount.nodev ? MOUNT_ATTR_NODEV : 0) | (mount.noexec ? MOUNT_ATTR_NOEXEC : 0);
  if (attributes != 0) set_attributes(fds_[source], attributes, mount.recursive, mount.target);
  Target target =
      points_->make(mount.target, is_directory(mount.source_fd) ? Kind::kDirectory : Kind::kFile);
  points_->add_mount(target, fds_[source]);
  const std::string line = "bind on " + target.path;
  add(MountAction::kAttach, source, std::move(target), 0, line);
}

void MountPlan::add_mount(const TmpfsMount& mount) {
  const bool is_filled = mount.filled_fd >= 0;
  const FdSlot source =
      keep(is_filled ? base::UniqueFd(::fcntl(mount.filled_fd, F_DUPFD_CLOEXEC, 3))
                     : mount_tmpfs(mount.size_bytes, mount.mode));
  // By name: the descriptor of a mount is one of those that fchown() does not take.
  if (!is_filled && !base::set_owner_at(fds_[source], ".", mount.uid, mount.gid)) {
    throw base::Error::sys("chown", mount.target);
  }
  const std::uint64_t attributes =
      (mount.read_only ? MOUNT_ATTR_RDONLY : 0) | (mount.noexec ? MOUNT_ATTR_NOEXEC : 0);
  if (attributes != 0) set_attributes(fds_[source], attributes, false, mount.target);
  Target target = points_->make(mount.target, Kind::kDirectory);
  points_->add_mount(target, fds_[source]);
  const std::string line = "tmpfs on " + target.path;
  add(MountAction::kAttach, source, std::move(target), 0, line);
}

void MountPlan::add_mount(const FileMount& mount) try {
  const FdSlot source = keep(files_.take(mount));
  if (!has_files_) {
    base::UniqueFd tmpfs(::fcntl(files_.mount(), F_DUPFD_CLOEXEC, 3));
    if (!tmpfs) throw base::Error::sys("fcntl", mount.target);
    add(MountAction::kScratch, keep(std::move(tmpfs)), {}, 0, "tmpfs for files");
    has_files_ = true;
  }
  Target target = points_->make(mount.target, Kind::kFile);
  points_->add_mount(target, fds_[source]);
  const std::string line = "file on " + target.path;
  add(MountAction::kBind, source, std::move(target), mount.read_only ? MOUNT_ATTR_RDONLY : 0, line);

} catch (const base::Error&) {
  if (!mount.is_optional) throw;
}

void MountPlan::add_mount(const OverlayView& mount) {
  const FdSlot view = keep(mount_overlay({mount.lower, mount.upper, mount.work}, overlay_api_));
  const base::RootedDir root(base::UniqueFd(::fcntl(fds_[view], F_DUPFD_CLOEXEC, 3)));
  FdSlot source = view;
  MountAction action = MountAction::kAttach;
  const bool is_part = !base::path_components(mount.subpath).empty();
  if (is_part || mount.nosuid || mount.noexec) {
    // The whole goes where nothing leads to, and what is wanted is bound from there.
    base::UniqueFd part = root.open_at(is_part ? mount.subpath : ".", O_PATH);
    add(MountAction::kScratch, view, {}, 0, "view for " + mount.target);
    source = keep(std::move(part));
    action = MountAction::kBind;
  }
  Target target =
      points_->make(mount.target, is_directory(fds_[source]) ? Kind::kDirectory : Kind::kFile);
  points_->add_mount(target, fds_[source]);
  const std::string line = "view on " + target.path;
  const std::uint64_t attributes =
      MOUNT_ATTR_NODEV | (mount.upper.empty() ? MOUNT_ATTR_RDONLY : 0) |
      (mount.nosuid ? MOUNT_ATTR_NOSUID : 0) | (mount.noexec ? MOUNT_ATTR_NOEXEC : 0);
  add(action, source, std::move(target), attributes, line);
}

void MountPlan::fill(PlanWriter<ChildPlan>& plan) const {
  plan.head.root = root_;
  plan.head.bundle = bundle_;
  plan.head.mounts = plan.add(ops_);
}

void MountPlan::clean_up() {
  const std::unique_ptr<MountPoints> points = std::move(points_);
  points->clean_up([this] { owned_.clear(); });
}

}  // namespace bld::runtime
