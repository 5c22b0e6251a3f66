#include "builder/run_step.h"

#include <sys/utsname.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/error.h"
#include "base/owner_record.h"
#include "base/rooted_dir.h"
#include "base/text.h"
#include "builder/version.h"
#include "builder/volumes.h"
#include "runtime/id_map.h"
#include "runtime/network.h"
#include "runtime/passwd.h"

namespace bld::builder {

namespace {

constexpr std::string_view kHostname = "bld";
constexpr std::string_view kScriptPath = "/run/bld-script";

// A chroot is in the network that is there, unless somebody asks for another one, which is refused.
runtime::NetworkMode network_mode(NetworkChoice instruction, NetworkChoice command_line,
                                  runtime::Confinement confinement) {
  const NetworkChoice choice = instruction != NetworkChoice::kDefault ? instruction : command_line;
  switch (choice) {
    case NetworkChoice::kNone:
      return runtime::NetworkMode::kNone;
    case NetworkChoice::kHost:
      return runtime::NetworkMode::kHost;
    case NetworkChoice::kPrivate:
      return runtime::NetworkMode::kPrivate;
    case NetworkChoice::kDefault:
      break;
  }
  if (confinement == runtime::Confinement::kChroot) return runtime::NetworkMode::kHost;
  return runtime::NetworkMode::kPrivate;
}

std::string own_hostname() {
  utsname names = {};
  ::uname(&names);
  return names.nodename;
}

bool names_gateway(const std::vector<runtime::HostName>& hosts) {
  return std::any_of(hosts.begin(), hosts.end(), [](const runtime::HostName& host) {
    return host.address == runtime::kHostGateway;
  });
}

bool has_variable(const std::vector<std::string>& env, std::string_view name) {
  return std::any_of(env.begin(), env.end(), [&](const std::string& entry) {
    return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
  });
}

// What is not mounted would be seen as an empty file.
bool covers_mount_points(const NetworkFiles& files) {
  return files.resolv_conf && files.hosts && files.hostname;
}

void add_network_files(runtime::ContainerSpec& spec, const NetworkFiles& files) {
  const auto add = [&spec](const char* target, std::string contents) {
    spec.mounts.emplace_back(runtime::FileMount{.target = target, .contents = std::move(contents)});
  };
  if (files.resolv_conf) {
    runtime::ResolvConfOptions options;
    options.nameservers = files.servers;
    options.searches = files.searches;
    options.options = files.options;
    add("/etc/resolv.conf", runtime::resolv_conf_for(spec.network, options));
  }
  if (files.hosts) {
    add("/etc/hosts", runtime::hosts_file(spec.network, spec.hostname, files.add_hosts));
  }
  if (files.hostname) add("/etc/hostname", spec.hostname + "\n");
}

// By this file programs know that they are in a container.
std::string container_environment(const RunOperation& operation) {
  static const bool is_rootless = runtime::is_user_namespace();
  return fmt::format("\nengine=\"bld-{}\"\n{}rootless={}\n", kVersion, operation.identity,
                     is_rootless ? 1 : 0);
}

void add_mounts(runtime::ContainerSpec& spec, const RunOperation& operation,
                const CommandSettings& settings) {
  add_network_files(spec, settings.network_files);
  spec.mounts.emplace_back(runtime::FileMount{.target = "/run/.containerenv",
                                              .contents = container_environment(operation),
                                              .mode = 0755,
                                              .is_optional = true});
  if (!operation.script.empty()) {
    spec.mounts.emplace_back(runtime::FileMount{.target = std::string(kScriptPath),
                                                .contents = operation.script,
                                                .mode = 0755,
                                                .read_only = true});
  }
}

// What is mounted below another mount comes after it, in whatever order they were asked for.
void sort_by_depth(std::vector<runtime::Mount>& mounts) {
  const auto depth = [](const runtime::Mount& mount) {
    const auto target = [](const auto& value) { return base::clean_absolute(value.target); };
    return base::path_components(std::visit(target, mount)).size();
  };
  std::stable_sort(mounts.begin(), mounts.end(),
                   [&](const auto& a, const auto& b) { return depth(a) < depth(b); });
}

// The user and the further groups as the image's own files know them, before the step.
runtime::ResolvedUser resolve_user(const base::RootedDir& users, const std::string& user,
                                   const std::vector<std::string>& group_add) {
  runtime::ResolvedUser resolved = runtime::resolve_user(users, user);
  for (const std::string& group : group_add) {
    resolved.user.groups.push_back(runtime::resolve_owner(users, "0:" + group).gid);
  }
  return resolved;
}

// With a root that lacks them no layer says that the container has them.
runtime::OverlayRoot root_with_mount_points(runtime::OverlayRoot root,
                                            const CommandSettings& settings,
                                            const Services& services) {
  const bool is_mounted = services.containers.confinement() != runtime::Confinement::kChroot;
  if (is_mounted && !root.lower.empty() && covers_mount_points(settings.network_files)) {
    root.mount_points = services.store.mount_points();
  }
  return root;
}

// Once a process.
void tell_of_single_id(const runtime::User& user, base::EventSink& events) {
  static std::atomic_flag told;
  if (user.uid == 0 || !base::records_owners() || told.test_and_set()) return;
  events.send(base::Warning{
      fmt::format("only one id is mapped: the command is told that it is user {}, but has root's "
                  "rights in the container, and the files that it makes are root's",
                  user.uid),
      {}});
}

}  // namespace

runtime::ResolvedUser user_of(const RunOperation& operation, const runtime::OverlayRoot& root,
                              const CommandSettings& settings, const Services& services) {
  // Only what does not change any more is looked into, if that tells as much.
  const bool has_files = !base::RootedDir::open(root.upper).names().empty();
  const auto upper = has_files || root.lower.empty() ? std::optional(root.upper) : std::nullopt;
  if (const auto tree = services.roots.users().find(upper, root.lower)) {
    return resolve_user(*tree, operation.user, settings.group_add);
  }
  std::vector<std::filesystem::path> trees = root.lower;
  if (upper) trees.insert(trees.begin(), *upper);
  const RootView view = services.roots.look_into(trees);
  return resolve_user(view.root(), operation.user, settings.group_add);
}

runtime::Exit run_step(const RunOperation& operation, const runtime::OverlayRoot& root,
                       std::vector<runtime::Mount> mounts, const CommandSettings& settings,
                       const Services& services, const Stdio& stdio, std::stop_token stop) {
  const runtime::ResolvedUser user = base::with_position(
      operation.user_place, [&] { return user_of(operation, root, settings, services); });
  tell_of_single_id(user.user, services.events);
  runtime::ContainerSpec spec;
  spec.root = root_with_mount_points(root, settings, services);
  spec.args = operation.args;
  if (!operation.script.empty()) spec.args = {std::string(kScriptPath)};
  spec.env = operation.env;
  spec.env.insert(spec.env.end(), operation.unrecorded_env.begin(), operation.unrecorded_env.end());
  spec.cwd = operation.directory.empty() ? "/" : operation.directory;
  spec.user = user.user;
  spec.hostname = !operation.hostname.empty()  ? operation.hostname
                  : !settings.hostname.empty() ? settings.hostname
                                               : kHostname;
  spec.shared = settings.shared;
  if (spec.shared.uts) spec.hostname = own_hostname();
  if (!has_variable(spec.env, "HOME")) spec.env.push_back("HOME=" + user.home);
  if (!has_variable(spec.env, "HOSTNAME")) spec.env.push_back("HOSTNAME=" + spec.hostname);
  spec.capabilities =
      runtime::CapabilitySet::container_default(settings.cap_add, settings.cap_drop);
  spec.rlimits = settings.rlimits;
  spec.shm_size_bytes = settings.shm_size_bytes;
  spec.network =
      network_mode(operation.network, settings.network, services.containers.confinement());

  if (names_gateway(settings.network_files.add_hosts)) {
    spec.host_access = runtime::HostAccess::kByGateway;
  }
  spec.no_new_privileges = settings.confinement.no_new_privileges;
  spec.kernel_files = settings.confinement.kernel_files;
  spec.seccomp = settings.confinement.seccomp;
  spec.seccomp_policy = settings.confinement.seccomp_policy;
  spec.seccomp_filter = settings.confinement.seccomp_filter;
  spec.limits = settings.confinement.limits;
  spec.runtime = settings.runtime;
  spec.needs_namespaces = settings.needs_namespaces;
  if (operation.insecure) {
    spec.capabilities = runtime::CapabilitySet::all();
    spec.seccomp = runtime::Seccomp::kUnconfined;
    spec.kernel_files.show("ALL");
  }

  add_mounts(spec, operation, settings);
  const Volumes volumes(settings.volumes, user.user, services.store);
  spec.mounts.insert(spec.mounts.end(), volumes.mounts().begin(), volumes.mounts().end());
  spec.mounts.insert(spec.mounts.end(), settings.tmpfs.begin(), settings.tmpfs.end());
  spec.mounts.insert(spec.mounts.end(), std::make_move_iterator(mounts.begin()),
                     std::make_move_iterator(mounts.end()));
  sort_by_depth(spec.mounts);

  spec.stdin_fd = stdio.in;
  spec.stdout_fd = stdio.out;
  spec.stderr_fd = stdio.err;
  spec.output = stdio.output;
  spec.console_socket_fd = stdio.console_socket;
  return services.containers.run(spec, std::move(stop));
}

}  // namespace bld::builder
