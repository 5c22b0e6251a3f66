// What stands in for the mounts of a command where nothing can be mounted.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/rooted_dir.h"
#include "layers/changes.h"
#include "runtime/container_spec.h"
#include "runtime/mount_points.h"
#include "store/store.h"

namespace bld::builder {

// Files and directories that are put into a plain root while a command runs; what was in their
// place waits outside. /proc and /sys are empty, /dev has the standard devices and an empty shm.
// Files and read-only binds are copies, a directory that may be moved is moved in and out, a tmpfs
// is an empty directory that is thrown away. What cannot be had so is an Error: writable binds of
// this machine's directories, a tmpfs with a size, secrets as files (the root is on a disk).
class PlacedMounts {
 public:
  // `root` is a directory of the store's tmp/, and nobody else's now.
  PlacedMounts(const std::filesystem::path& root, const std::vector<runtime::Mount>& mounts,
               store::Store& store);
  ~PlacedMounts();  // remove(), if nobody called it
  PlacedMounts(const PlacedMounts&) = delete;
  PlacedMounts& operator=(const PlacedMounts&) = delete;

  // What in the root is not the command's.
  const layers::HiddenFiles& hidden() const { return hidden_; }

  // Takes all away and puts back what was there. False where the command had moved something: the
  // root is not what it was then.
  bool remove();

 private:
  using Kind = runtime::MountPoints::Kind;

  struct Placed {
    base::UniqueFd parent;
    std::string name;
    base::UniqueFd held;  // as long as it is open, no new file gets its inode's number
    std::uint64_t inode = 0;
    std::filesystem::path aside;  // what was there
    int directory = -1;           // of the caller's, moved here from `home`
    std::filesystem::path home;
  };

  std::filesystem::path new_path();
  void place_kernel_directories();
  void place(const runtime::MountPoints::Target& target, const std::filesystem::path& what);
  void add(const std::string& target, Kind kind, const std::filesystem::path& what);
  void add_mount(const runtime::BindMount& mount);
  void add_mount(const runtime::TmpfsMount& mount);
  void add_mount(const runtime::FileMount& mount);
  void add_mount(const runtime::OverlayView& mount);
  void move_in(const runtime::BindMount& mount);
  bool take_away(Placed& placed) const;

  const base::RootedDir root_;
  const std::filesystem::path scratch_;
  int count_ = 0;
  std::unique_ptr<runtime::MountPoints> points_;
  std::vector<Placed> placed_;
  layers::HiddenFiles hidden_;
};

}  // namespace bld::builder
