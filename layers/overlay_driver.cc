#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/error.h"
#include "base/rooted_dir.h"
#include "layers/file_writer.h"
#include "layers/snapshot_driver.h"
#include "layers/tree_walk.h"

namespace bld::layers {

namespace {

using base::Error;

// The kernel's overlayfs: changes go to `upper`; the root that a step sees is that of `upper`.
class OverlayDriver : public SnapshotDriver {
 public:
  std::string name() const override { return "overlay"; }

  SnapshotMount prepare(std::span<const std::filesystem::path> parents,
                        const std::filesystem::path& active) const override {
    const base::RootedDir dir = base::RootedDir::open(active);
    make(dir, "upper");
    make(dir, "work");
    SnapshotMount mount;
    mount.upper = active / "upper";
    mount.work = active / "work";
    mount.lower.assign(parents.rbegin(), parents.rend());
    FileEntry root;
    root.type = FileEntry::Type::kDirectory;
    root.mode = 0755;
    if (parents.empty()) {
      // overlayfs wants something below.
      make(dir, "lower");
      mount.lower.push_back(active / "lower");
    } else {
      root = root_entry(base::RootedDir::open(parents.back()));
    }
    set_metadata(dir.open_dir("upper", base::Resolve::kInRootNoLinks).fd(), root);
    return mount;
  }

  std::filesystem::path changes(const std::filesystem::path& active) const override {
    return active / "upper";
  }

 private:
  static void make(const base::RootedDir& dir, const char* name) {
    if (::mkdirat(dir.fd(), name, 0755) != 0) throw Error::sys("mkdir", name);
  }
};

}  // namespace

std::unique_ptr<SnapshotDriver> make_overlay_driver() { return std::make_unique<OverlayDriver>(); }

}  // namespace bld::layers
