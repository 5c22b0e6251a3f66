#include "builder/run_step.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/rooted_dir.h"
#include "base/text.h"
#include "builder/rlimits.h"
#include "runtime/network.h"
#include "runtime/overlay.h"
#include "runtime/passwd.h"

namespace bld::builder {

namespace {

constexpr std::string_view kHostname = "bld";
constexpr std::string_view kScriptPath = "/run/bld-script";

// Reads both outputs of a command until it ended and what it wrote was taken. Others that still
// hold the pipes open are not waited for.
class OutputPump {
 public:
  explicit OutputPump(const OutputReceiver& receive)
      : receive_(receive),
        out_(base::make_pipe()),
        err_(base::make_pipe()),
        end_(base::make_pipe()),
        thread_([this] { pump(); }) {}

  ~OutputPump() { finish(); }

  OutputPump(const OutputPump&) = delete;
  OutputPump& operator=(const OutputPump&) = delete;

  int out() const { return out_.write.get(); }

  int err() const { return err_.write.get(); }

  void finish() {
    if (!thread_.joinable()) return;
    out_.write.reset();
    err_.write.reset();
    end_.write.reset();
    thread_.join();
  }

 private:
  // Whether there may be more to read.
  bool take(int fd, bool is_stderr) {
    std::string bytes(64 * 1024, '\0');
    const ssize_t count = ::read(fd, bytes.data(), bytes.size());
    if (count < 0) return errno == EINTR;
    if (count == 0) return false;
    bytes.resize(static_cast<std::size_t>(count));
    receive_(is_stderr, std::move(bytes));
    return true;
  }

  void pump() {
    ::fcntl(out_.read.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(err_.read.get(), F_SETFL, O_NONBLOCK);
    struct pollfd fds[] = {
        {out_.read.get(), POLLIN, 0}, {err_.read.get(), POLLIN, 0}, {end_.read.get(), POLLIN, 0}};
    for (bool ended = false; !ended;) {
      if (::poll(fds, 3, -1) < 0) continue;
      ended = fds[2].revents != 0;
      for (int i = 0; i < 2; ++i) {
        if (fds[i].fd >= 0 && fds[i].revents != 0 && !take(fds[i].fd, i == 1)) fds[i].fd = -1;
      }
    }
    for (const bool is_stderr : {false, true}) {
      while (take(is_stderr ? err_.read.get() : out_.read.get(), is_stderr)) {
      }
    }
  }

  const OutputReceiver& receive_;
  base::Pipe out_, err_, end_;
  std::thread thread_;  // last: it uses the pipes
};

runtime::NetworkMode network_mode(NetworkChoice instruction, NetworkChoice command_line) {
  const NetworkChoice choice = instruction != NetworkChoice::kDefault ? instruction : command_line;
  switch (choice) {
    case NetworkChoice::kNone:
      return runtime::NetworkMode::kNone;
    case NetworkChoice::kPrivate:
      return runtime::NetworkMode::kPrivate;
    case NetworkChoice::kHost:
    case NetworkChoice::kDefault:
      return runtime::NetworkMode::kHost;
  }
  return runtime::NetworkMode::kHost;
}

std::vector<std::pair<std::string, std::string>> extra_hosts(
    const std::vector<std::string>& add_hosts) {
  std::vector<std::pair<std::string, std::string>> hosts;
  for (const std::string& entry : add_hosts) {
    const std::size_t separator = entry.find_first_of(":=");
    if (separator == std::string::npos || separator == 0) {
      throw base::Error("--add-host \"{}\": expected NAME:ADDRESS", base::printable(entry));
    }
    hosts.emplace_back(entry.substr(0, separator), entry.substr(separator + 1));
  }
  return hosts;
}

runtime::CapabilitySet capabilities(const RunEnvironment& environment) {
  runtime::CapabilitySet set = runtime::CapabilitySet::container_default();
  for (const std::string& name : environment.cap_add) set.add(name);
  for (const std::string& name : environment.cap_drop) set.drop(name);
  return set;
}

bool has_variable(const std::vector<std::string>& env, std::string_view name) {
  return std::any_of(env.begin(), env.end(), [&](const std::string& entry) {
    return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
  });
}

void add_mounts(runtime::ContainerSpec& spec, const RunOperation& operation,
                const RunEnvironment& environment, std::vector<base::UniqueFd>& descriptors) {
  spec.mounts.emplace_back(runtime::FileMount{.target = "/etc/resolv.conf",
                                              .contents = runtime::resolv_conf_for(spec.network)});
  spec.mounts.emplace_back(runtime::FileMount{
      .target = "/etc/hosts",
      .contents = runtime::hosts_file(spec.hostname, extra_hosts(environment.add_hosts))});
  spec.mounts.emplace_back(
      runtime::FileMount{.target = "/etc/hostname", .contents = spec.hostname + "\n"});
  if (!operation.script.empty()) {
    spec.mounts.emplace_back(runtime::FileMount{.target = std::string(kScriptPath),
                                                .contents = operation.script,
                                                .mode = 0755,
                                                .read_only = true});
  }
  for (const VolumeMount& volume : environment.volumes) {
    base::UniqueFd source(::open(volume.host.c_str(), O_PATH | O_CLOEXEC));
    if (!source) throw base::Error::sys("open", volume.host.string());
    spec.mounts.emplace_back(runtime::BindMount{.target = volume.container,
                                                .source_fd = source.get(),
                                                .read_only = volume.read_only,
                                                .recursive = true});
    descriptors.push_back(std::move(source));
  }
}

// The user as the image's own files know it, before the step.
runtime::ResolvedUser resolve_user(const RunOperation& operation,
                                   const runtime::OverlayRoot& root) {
  std::vector<std::filesystem::path> trees = root.lower;
  trees.insert(trees.begin(), root.upper);
  const base::RootedDir view(runtime::mount_overlay({.lower = trees, .upper = {}, .work = {}}));
  return runtime::resolve_user(view, operation.user);
}

}  // namespace

runtime::Exit run_step(const RunOperation& operation, const runtime::OverlayRoot& root,
                       std::vector<runtime::Mount> mounts, const RunEnvironment& environment,
                       const OutputReceiver& receive, std::stop_token stop) {
  const runtime::ResolvedUser user = resolve_user(operation, root);
  runtime::ContainerSpec spec;
  spec.root = root;
  spec.args = operation.args;
  if (!operation.script.empty()) spec.args = {std::string(kScriptPath)};
  spec.env = operation.env;
  spec.env.insert(spec.env.end(), operation.unrecorded_env.begin(), operation.unrecorded_env.end());
  if (!has_variable(spec.env, "HOME")) spec.env.push_back("HOME=" + user.home);
  spec.cwd = operation.directory.empty() ? "/" : operation.directory;
  spec.user = user.user;
  spec.hostname = kHostname;
  spec.capabilities = capabilities(environment);
  spec.rlimits = parse_ulimits(environment.ulimits);
  spec.shm_size_bytes = environment.shm_size_bytes;
  spec.network = network_mode(operation.network, environment.network);

  std::vector<base::UniqueFd> descriptors;
  add_mounts(spec, operation, environment, descriptors);
  spec.mounts.insert(spec.mounts.end(), std::make_move_iterator(mounts.begin()),
                     std::make_move_iterator(mounts.end()));

  OutputPump pump(receive);
  spec.stdout_fd = pump.out();
  spec.stderr_fd = pump.err();
  const runtime::Exit exit = environment.services.containers.run(spec, std::move(stop));
  pump.finish();
  return exit;
}

}  // namespace bld::builder
