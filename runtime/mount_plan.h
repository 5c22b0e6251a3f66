// A container's mounts, prepared: everything opened, made and put into order by the caller's
// thread, so that the container's own process only attaches.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/child_plan.h"
#include "runtime/container_files.h"
#include "runtime/container_spec.h"
#include "runtime/mount_points.h"
#include "runtime/oci_bundle.h"

namespace bld::runtime {

// Whether it may have a sysfs of its own: that shows a network namespace, and only who owns the
// namespace may mount it. Else it sees the host's.
bool may_mount_sysfs(const ContainerSpec& spec);

// A detached /dev but for what is mounted in it.
base::UniqueFd make_dev();

class MountPlan {
 public:
  // Mounts the root filesystem, detached, and makes the mount points in it. For an OCI runtime it
  // makes a bundle too: the mounts are put into places of that, from where the runtime takes them.
  // `dev` and `files` are those of the PreparedContainer and outlive this; `dev` is complete but
  // for these mounts.
  MountPlan(const ContainerSpec& spec, int dev, ContainerFiles& files);
  // Takes the mount points away again, if clean_up() did not.
  ~MountPlan();
  MountPlan(const MountPlan&) = delete;
  MountPlan& operator=(const MountPlan&) = delete;

  // Puts root and mounts into `plan`, with slots in fds().
  void fill(PlanWriter<ChildPlan>& plan) const;

  const std::vector<int>& fds() const { return fds_; }

  // What is mounted where, a line each: for messages and tests.
  const std::vector<std::string>& lines() const { return lines_; }

  // The last line that the OCI runtime wrote to the log in its bundle; empty if there is none.
  std::string runtime_error() const;

  // Whether clean_up() needs the container's mounts to be gone, too, not just its processes.
  bool has_stubs() const { return points_->has_stubs(); }

  // After the container ended; throws if the upper directory cannot be put into order.
  void clean_up();

 private:
  using Target = MountPoints::Target;

  FdSlot keep(base::UniqueFd fd);
  void make_bundle();
  Target place_in_bundle(const Target& target, std::uint64_t attributes, FdSlot source);
  void add(MountAction action, FdSlot source, Target target, std::uint64_t attributes,
           std::string line);
  void add_kernel_mounts(int dev);
  void add_mount(const BindMount& mount);
  void add_mount(const TmpfsMount& mount);
  void add_mount(const FileMount& mount);
  void add_mount(const OverlayView& mount);

  const OverlayApi overlay_api_;
  std::vector<base::UniqueFd> owned_;
  std::vector<int> fds_;  // of `owned_`, which are the slots
  std::vector<MountOp> ops_;
  std::vector<std::string> lines_;
  FdSlot root_ = -1;
  FdSlot bundle_ = -1;  // the tmpfs of the bundle, if there is an OCI runtime
  std::vector<BundleMount> bundle_mounts_;
  ContainerFiles& files_;
  bool has_files_ = false;  // and they are on their way to where they are bound from
  std::unique_ptr<MountPoints> points_;
};

}  // namespace bld::runtime
