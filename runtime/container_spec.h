// What one container is: data only, with the names of the OCI runtime-spec.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/capabilities.h"
#include "runtime/cgroup.h"
#include "runtime/kernel_files.h"
#include "runtime/output_pipes.h"
#include "runtime/overlay.h"
#include "runtime/seccomp_policy.h"

namespace bld::runtime {

// Trees in overlay format, stacked, with one that takes the changes.
struct OverlayRoot {
  std::vector<std::filesystem::path> lower;  // uppermost first; may be empty
  std::filesystem::path upper, work;         // one filesystem; `work` is empty and ours
  // Shown below all of `lower`: empty files and directories that mounts of the container cover, so
  // that they need not be made. What the command leaves untouched of it is not in `upper`. Only
  // where there is a `lower`; may be empty.
  std::filesystem::path mount_points = {};
};

// A directory used as it is.
struct PlainRoot {
  std::filesystem::path directory;
};

using RootFilesystem = std::variant<OverlayRoot, PlainRoot>;

// A bind mount of an already opened file or directory (O_PATH suffices). The descriptor belongs to
// the caller, who keeps it open until run() returned.
struct BindMount {
  std::string target;
  int source_fd = -1;
  bool read_only = true;
  bool recursive = false;  // with the mounts below the source
  bool nosuid = false, nodev = true, noexec = false;
  // Nobody else needs the directory while the container runs: where nothing can be mounted it may
  // be moved there and back.
  bool may_be_moved = false;
};

struct TmpfsMount {
  std::string target;
  std::uint64_t size_bytes = 0;  // 0: the kernel's default, half of the memory
  mode_t mode = 01777;
  uid_t uid = 0;
  gid_t gid = 0;
  bool read_only = false, noexec = false;
  // A detached tmpfs of the caller's that has contents; size, mode and owner are its own then.
  int filled_fd = -1;
};

// A small file that exists only in a tmpfs of the container: resolv.conf, hosts, secrets.
struct FileMount {
  std::string target;
  std::string contents;
  mode_t mode = 0644;
  uid_t uid = 0;
  gid_t gid = 0;
  bool read_only = false;
  bool is_secret = false;    // never to be on a disk
  bool is_optional = false;  // left out where it cannot be mounted
};

// A view of other trees: of another stage, of an image, of the context. Read-only, or with an upper
// directory of the caller's, who throws it away, for a step that may write.
struct OverlayView {
  std::string target;
  std::vector<std::filesystem::path> lower;  // uppermost first; at least one
  std::string subpath;                       // resolved inside the view; "" is all of it
  std::filesystem::path upper, work;         // both empty: read-only
  bool nosuid = false, noexec = false;
};

// Targets are resolved inside the container's root, links included. Missing ones are made, and
// taken away again afterwards, so that nothing of a mount shows in the upper directory. Mounts are
// made in the order given, after /proc, /sys and /dev.
using Mount = std::variant<BindMount, TmpfsMount, FileMount, OverlayView>;

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary
};

enum class NetworkMode {
  kHost,     // the host's network
  kNone,     // loopback only
  kPrivate,  // a network namespace that reaches the outside through a user-mode network
};

// Who is in a private network reaches the host's own services only if this is asked for.
enum class HostAccess {
  kClosed,
  kByGateway,  // by the address that kHostGateway of network.h stands for
};

enum class Seccomp {
  kDefault,
  kUnconfined,
  kCustom,  // the `seccomp_policy` of the spec
};

struct Rlimit {
  int resource = 0;  // RLIMIT_…
  std::uint64_t soft = 0, hard = 0;
};

// Namespaces of the host that a container does not get one of its own for.
struct SharedNamespaces {
  bool ipc = false;     // with the host's /dev/shm and /dev/mqueue
  bool uts = false;     // `hostname` is not set then
  bool cgroup = false;  // with the host's /sys, read-only
};

// A program with the command line of runc.
struct OciRuntime {
  std::string program;             // a path, or a name in our PATH; empty: bld makes the container
  std::vector<std::string> flags;  // global ones, without "--"
};

struct ContainerSpec {
  RootFilesystem root;
  OverlayApi overlay_api = OverlayApi::kBest;  // of the root and of views
  std::vector<std::string> args;               // args[0] is looked up in the PATH of `env`
  std::vector<std::string> env;                // "NAME=value": the whole environment
  std::string cwd = "/";                       // is made where it is missing, as other runtimes do
  User user;
  std::string hostname = "buildkitsandbox";
  CapabilitySet capabilities = CapabilitySet::container_default();
  bool no_new_privileges = false;
  Seccomp seccomp = Seccomp::kDefault;
  SeccompPolicy seccomp_policy;
  std::vector<sock_filter> seccomp_filter;  // the policy compiled
  KernelFiles kernel_files = KernelFiles::standard();
  std::vector<Rlimit> rlimits;  // clamped to what this machine allows
  ResourceLimits limits;        // what cannot be enforced is left out: see unenforced()
  std::uint64_t shm_size_bytes = 64 << 20;
  std::vector<Mount> mounts;
  NetworkMode network = NetworkMode::kHost;
  HostAccess host_access = HostAccess::kClosed;
  SharedNamespaces shared;
  mode_t umask = 022;
  // Descriptors of the caller; -1 is /dev/null.
  int stdin_fd = -1, stdout_fd = -1, stderr_fd = -1;
  // Instead of stdout_fd and stderr_fd: read while the container runs.
  OutputPipes* output = nullptr;
  // A connected socket of the caller: the container gets a terminal of its own instead of these
  // streams, and its other side (the master) comes through the socket, as one descriptor. The
  // command starts when a byte has come back: the caller gives the terminal its size before that.
  int console_socket_fd = -1;
  OciRuntime runtime;
  bool needs_namespaces = false;  // an Error where there is only a chroot
};

}  // namespace bld::runtime
