// bld doctor: what bld can do on this machine, found by trying.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_io.h"
#include "base/process.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/standard_streams.h"
#include "layers/file_writer.h"
#include "runtime/cgroup.h"
#include "runtime/fuse_overlay.h"
#include "runtime/isolation.h"
#include "runtime/overlay.h"

namespace bld::cmd {

namespace {

namespace fs = std::filesystem;
using base::Error;

// Builds work without it; what it is for does not.
class Missing : public Error {
 public:
  using Error::Error;
};

[[noreturn]] void miss(const std::string& text, const std::string& remedy) {
  Missing missing("{}", text);
  missing.hint(remedy);
  throw missing;
}

std::string count_ids(const std::vector<runtime::IdMap>& map) {
  std::uint64_t count = 0;
  for (const runtime::IdMap& range : map) count += range.count;
  return std::to_string(count);
}

std::string check_namespaces(runtime::IsolationKind& kind) {
  const runtime::Isolation isolation = runtime::enter_namespaces();
  kind = isolation.kind;
  if (kind == runtime::IsolationKind::kChroot) {
    miss(
        "namespaces and mounts are refused by the container around bld: commands run in a chroot, "
        "with its network and processes, and without /proc",
        "nothing is needed for builds; for the whole confinement start that container with "
        "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --cap-add SYS_ADMIN "
        "(Docker), or run bld as an ordinary user with user namespaces");
  }
  if (isolation.kind == runtime::IsolationKind::kRoot) return "as root";
  if (isolation.kind == runtime::IsolationKind::kSingleId) {
    miss(
        "one id is mapped, and owners of files are recorded instead of set: " + isolation.shortfall,
        isolation.remedy);
  }
  return fmt::format("a user namespace with {} user and {} group ids", count_ids(isolation.uid_map),
                     count_ids(isolation.gid_map));
}

std::string file_system_hint(const fs::path& directory) {
  struct statfs status = {};
  ::statfs(directory.c_str(), &status);
  if (status.f_type == NFS_SUPER_MAGIC) {
    return "the store is on NFS, which cannot hold overlays: name a directory of a disk with "
           "--root";
  }
  return "ordinary users need Linux 5.13 or newer for overlay mounts";
}

// A file of the lower directory is removed and another one made, as a step would.
std::string check_overlay(store::Store& store) {
  const fs::path place = store.make_temp_dir();
  for (const char* name : {"lower", "upper", "work"}) fs::create_directory(place / name);
  base::write_file_atomically(place / "lower/old", "", 0644);
  try {
    const base::UniqueFd mount = runtime::mount_overlay(
        {.lower = {place / "lower"}, .upper = place / "upper", .work = place / "work"});
    const base::UniqueFd made(::openat(mount.get(), "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (!made) throw Error::sys("create", "new");
    if (::unlinkat(mount.get(), "old", 0) != 0) throw Error::sys("unlink", "old");
  } catch (Error& error) {
    throw error.hint(file_system_hint(place));
  }
  return "overlay mounts in " + store.root().string();
}

// As in a container that has no volume for it.
std::string check_store_on_overlay(const store::Store& store) {
  const std::string obstacle = runtime::why_no_fuse_overlay(store.root());
  if (!obstacle.empty()) {
    miss("the store is on an overlay, and each step works on a copy of its files: " + obstacle,
         "give the store a volume and name it with --root; or install fuse-overlayfs and give the "
         "container around bld the device /dev/fuse (Docker: --device /dev/fuse)");
  }
  return "on an overlay itself: fuse-overlayfs mounts in " + store.root().string() +
         " (a volume is faster)";
}

// What trees of layers need, where steps work on copies.
std::string check_copies(store::Store& store) {
  const fs::path place = store.make_temp_dir();
  const base::UniqueFd directory(::open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) throw Error::sys("open", place.string());
  layers::make_opaque(directory.get());
  layers::FileEntry whiteout;
  whiteout.type = layers::FileEntry::Type::kWhiteout;
  layers::create_special(directory.get(), "whiteout", whiteout);
  return "copies of files in " + store.root().string();
}

std::string check_network() {
  std::string program;
  for (const char* name : {"pasta", "slirp4netns"}) {
    if (program.empty() && !base::find_program(name).empty()) program = name;
  }
  if (program.empty()) {
    miss("neither pasta nor slirp4netns is installed",
         "sudo apt install passt, or use --network=host");
  }
  const base::UniqueFd device(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  if (!device) {
    miss(Error::sys("open", "/dev/net/tun").message(),
         "sudo modprobe tun; sudo chmod 666 /dev/net/tun; or use --network=host");
  }
  return program;
}

std::string check_limits() {
  runtime::ResourceLimits limits;
  limits.memory_bytes = 1ULL << 30;
  limits.pids = 1000;
  limits.cpu_shares = 512;
  // "--memory is not enforced: REASON": mostly they have one reason.
  std::vector<std::string> options, reasons;
  for (const std::string& line : runtime::unenforced(limits)) {
    options.push_back(line.substr(0, line.find(' ')));
    std::string reason = line.substr(line.find(": ") + 2);
    if (reasons.empty() || reasons.back() != reason) reasons.push_back(std::move(reason));
  }
  if (options.empty()) return "memory, processes and processor time";
  const bool is_unified = fs::exists("/sys/fs/cgroup/cgroup.controllers");
  miss(base::join(options, ", ") + " are not enforced: " + base::join(reasons, "; "),
       is_unified ? "systemd-run --user --scope -p Delegate=yes bld …"
                  : "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line "
                    "(control groups of version 2), or run bld as root");
}

std::string check_seccomp() {
  if (fs::exists("/proc/sys/kernel/seccomp/actions_avail")) return "filters of system calls";
  throw Error("the kernel has no seccomp filters")
      .hint("a kernel with CONFIG_SECCOMP_FILTER, or --security-opt seccomp=unconfined");
}

std::string check_programs() {
  constexpr const char* kPrograms[][3] = {{"git", "ADD and contexts of repositories", "git"},
                                          {"cpp", "Containerfile.in", "cpp"},
                                          {"ssh-agent", "--ssh ID=KEY", "openssh-client"}};
  std::vector<std::string> there, missing, packages;
  for (const auto& [program, use, package] : kPrograms) {
    if (base::find_program(program).empty()) {
      missing.push_back(fmt::format("{} (for {})", program, use));
      packages.emplace_back(package);
    } else {
      there.emplace_back(program);
    }
  }
  if (missing.empty()) return base::join(there, ", ");
  miss("not installed: " + base::join(missing, ", "),
       "sudo apt install " + base::join(packages, " "));
}

std::string check_emulation() {
  std::vector<std::string> known;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/proc/sys/fs/binfmt_misc", none)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("qemu-")) known.push_back(name.substr(5));
  }
  if (!known.empty()) return base::join(known, ", ");
  miss("programs of other processors cannot run",
       "sudo apt install qemu-user-static binfmt-support, for --platform with RUN");
}

class Doctor : public Command {
 public:
  void declare(FlagSet&) override {}

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 0, 0, "");
    struct utsname system = {};
    ::uname(&system);
    report("kernel", [&] { return fmt::format("{} {}", system.sysname, system.release); });
    runtime::IsolationKind kind = runtime::IsolationKind::kRoot;
    report("namespaces", [&] { return check_namespaces(kind); });
    // What needs them says no more than that they are missing.
    if (!is_broken_) {
      report("store", [&] {
        store::Store store = store::Store::open({.root = app.store_root()});
        if (kind == runtime::IsolationKind::kChroot) return check_copies(store);
        if (runtime::is_on_overlay(store.root())) return check_store_on_overlay(store);
        return check_overlay(store);
      });
    }
    report("seccomp", check_seccomp);
    report("network", check_network);
    report("limits", check_limits);
    report("programs", check_programs);
    report("emulation", check_emulation);
    print(is_broken_ ? "\nRUN does not work here.\n" : "\nBuilds work here.\n");
    return is_broken_ ? 1 : 0;
  }

 private:
  void report(std::string_view subject, const std::function<std::string()>& check) {
    const auto line = [&](std::string_view state, const std::string& text) {
      print(fmt::format("{:<8} {:<11} {}\n", state, subject, text));
    };
    const auto hint = [](const Error& error) {
      if (!error.hint().empty()) print(fmt::format("{:21}{}\n", "", error.hint()));
    };
    try {
      line("ok", check());
    } catch (const Missing& error) {
      line("missing", error.message());
      hint(error);
    } catch (const Error& error) {
      line("broken", error.message());
      hint(error);
      is_broken_ = true;
    }
  }

  bool is_broken_ = false;
};

}  // namespace

std::unique_ptr<Command> make_doctor() { return std::make_unique<Doctor>(); }

}  // namespace bld::cmd
