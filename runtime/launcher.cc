#include "runtime/launcher.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>

#include "base/error.h"
#include "base/file_io.h"
#include "base/mutex.h"
#include "base/owner_record.h"
#include "base/rooted_dir.h"
#include "base/text.h"
#include "runtime/child_bundle.h"
#include "runtime/child_plan.h"
#include "runtime/chroot_spec.h"
#include "runtime/emulation.h"
#include "runtime/ending_containers.h"
#include "runtime/foreign_program.h"
#include "runtime/id_map.h"
#include "runtime/launcher_process.h"
#include "runtime/limits.h"
#include "runtime/mount_plan.h"
#include "runtime/network_pool.h"
#include "runtime/oci_bundle.h"
#include "runtime/overlay.h"
#include "runtime/seccomp.h"

namespace bld::runtime {
namespace {

constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct SocketPair {
  base::UniqueFd ours, theirs;
};

SocketPair make_socket_pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
    throw base::Error::sys("socketpair", "launcher");
  }
  return {base::UniqueFd(fds[0]), base::UniqueFd(fds[1])};
}

void send_packet(int socket, const void* data, std::size_t size, std::span<const int> fds) {
  iovec part{const_cast<void*>(data), size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * (kFdsPerPacket + 2))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) throw base::Error::sys("sendmsg", "launcher");
}

base::UniqueFd as_memfd(std::string_view bytes) {
  base::UniqueFd file(::memfd_create("bld-plan", MFD_CLOEXEC));
  if (!file) throw base::Error::sys("memfd_create", "plan");
  base::write_all(file.get(), base::as_bytes(bytes));
  return file;
}

// Hands a plan to the launcher; returns our end of its channel.
base::UniqueFd submit(int control, Request::Kind kind, const ChildPlan& plan,
                      std::span<const int> fds) {
  SocketPair channel = make_socket_pair();
  std::string bytes = encode(plan);
  const base::UniqueFd message = as_memfd(bytes);
  ::explicit_bzero(bytes.data(), bytes.size());
  const Request request{kind, static_cast<std::uint32_t>(fds.size())};
  std::span<const int> rest = fds;
  std::vector<int> packet{channel.theirs.get(), message.get()};
  const auto take = [&rest, &packet] {
    const std::size_t count = std::min(rest.size(), kFdsPerPacket);
    packet.insert(packet.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(count));
    rest = rest.subspan(count);
  };
  take();
  send_packet(control, &request, sizeof request, packet);
  while (!rest.empty()) {
    packet.clear();
    take();
    send_packet(channel.ours.get(), "", 1, packet);
  }
  return std::move(channel.ours);
}

// Nothing at the end of the connection. `fd` takes what comes with a kListener.
bool receive_report(int channel, Report& report, base::UniqueFd& fd) {
  iovec data{&report, sizeof report};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t length = 0;
  do {
    length = ::recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
  } while (length < 0 && errno == EINTR);
  if (length != static_cast<ssize_t>(sizeof report)) return false;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(header), sizeof number);
    fd.reset(number);
  }
  return true;
}

std::string_view path_variable(const std::vector<std::string>& env) {
  for (const std::string& variable : env) {
    if (variable.starts_with("PATH=")) return std::string_view(variable).substr(5);
  }
  return kDefaultPath;
}

std::vector<std::string> programs_to_try(const ContainerSpec& spec) {
  const std::string& name = spec.args.front();
  if (name.find('/') != std::string::npos) return {name};
  std::vector<std::string> result;
  for (const std::string& directory : base::split(path_variable(spec.env), ':')) {
    result.push_back((directory.empty() ? "." : directory) + "/" + name);
  }
  return result;
}

void check_ids(const User& user) {
  static const std::vector<IdMap> uids = current_uid_map(), gids = current_gid_map();
  const auto check = [](const std::vector<IdMap>& map, std::uint32_t id, const char* what) {
    if (id != 4294967295U && (base::records_owners() || is_mapped(map, id))) return;
    throw base::Error("{} {} is not mapped in the user namespace", what, id)
        .hint("more subordinate ids in /etc/subuid and /etc/subgid make room for it");
  };
  check(uids, user.uid, "user id");
  check(gids, user.gid, "group id");
  for (const gid_t group : user.groups) check(gids, group, "group id");
}

void check_texts(const ContainerSpec& spec) {
  if (spec.args.empty() || spec.args.front().empty()) throw base::Error("no command given");
  const auto check = [](const std::string& text, const char* what) {
    if (text.find('\0') == std::string::npos) return;
    throw base::Error("{} \"{}\" holds a zero byte", what, base::printable(text));
  };
  for (const std::string& arg : spec.args) check(arg, "argument");
  for (const std::string& variable : spec.env) check(variable, "environment variable");
  check(spec.cwd, "working directory");
}

// The plan of a container that an OCI runtime makes: the command is the runtime, with our rights.
// What holds the container in is in the bundle.
ChildPlan make_runtime_plan(const ContainerSpec& spec) {
  if (base::records_owners()) {
    throw base::Error(
        "{} cannot make the containers where only one id is mapped: who owns what is "
        "recorded by bld's own",
        base::printable(spec.runtime.program))
        .hint("leave --runtime out, or get more ids: bld doctor");
  }
  ChildPlan plan;
  plan.hostname = spec.hostname;
  plan.shared = spec.shared;
  plan.programs = {find_oci_runtime(spec.runtime)};
  plan.args = oci_runtime_command(spec.runtime, kBundleDirectory);
  const char* path = ::getenv("PATH");
  plan.env = {"PATH=" + std::string(path == nullptr ? kDefaultPath : path)};
  return plan;
}

// Group 5, "tty" everywhere, if it is mapped.
std::string pts_options() {
  static const bool has_tty = is_mapped(current_gid_map(), 5);
  return has_tty ? "newinstance,ptmxmode=0666,mode=0620,gid=5"
                 : "newinstance,ptmxmode=0666,mode=0620";
}

// The architecture of the program, if it is for another processor.
std::string foreign_architecture_in(const ContainerSpec& spec) try {
  if (const auto* plain = std::get_if<PlainRoot>(&spec.root)) {
    return foreign_architecture(base::RootedDir::open(plain->directory), programs_to_try(spec));
  }
  const auto& overlay = std::get<OverlayRoot>(spec.root);
  OverlayDirs dirs;
  dirs.lower = overlay.lower;
  dirs.lower.insert(dirs.lower.begin(), overlay.upper);
  return foreign_architecture(base::RootedDir(mount_overlay(dirs, spec.overlay_api)),
                              programs_to_try(spec));

} catch (const base::Error&) {
  return "";  // the message does without
}

base::Error exec_error(const ContainerSpec& spec, int error_number) {
  const std::string name = base::printable(spec.args.front());
  const bool missing = error_number == ENOENT || error_number == ENOTDIR;
  const std::string foreign =
      missing || error_number == ENOEXEC ? foreign_architecture_in(spec) : "";
  if (!foreign.empty()) {
    // With an emulator registered for it, what is missing is the emulator, as the container sees
    // it.
    base::Error error("exec {}: this program is for {}, which this machine cannot run", name,
                      foreign);
    error.hint(missing ? "the emulator that binfmt_misc knows is not to be seen in the container: "
                         "install qemu-user-static, which registers it with the flag F"
                       : "install an emulator: sudo apt install qemu-user-static binfmt-support "
                         "(Debian, Ubuntu), sudo dnf install qemu-user-static (Fedora)");
    return error.exit_status(missing ? 127 : 126);
  }
  if (missing) {
    const bool searched = spec.args.front().find('/') == std::string::npos;
    base::Error error = searched ? base::Error("exec {}: not found in PATH", name)
                                 : base::Error::sys("exec", name, error_number);
    if (!searched) error.hint("the file, or the interpreter that its first line names, is missing");
    return error.exit_status(127);
  }
  base::Error error = base::Error::sys("exec", name, error_number);
  if (error_number == ENOEXEC) error.hint("the program is a script without #! line, or damaged");
  return error.exit_status(126);
}

// `mounts` has a line for each.
base::Error setup_error(const ContainerSpec& spec, const std::vector<std::string>& mounts,
                        const Report& report) {
  switch (report.stage) {
    case Stage::kExec:
      if (!spec.runtime.program.empty()) {
        return base::Error::sys("exec", base::printable(spec.runtime.program), report.error_number);
      }
      return exec_error(spec, report.error_number);
    case Stage::kDirectory:
      return base::Error::sys("chdir", base::printable(spec.cwd), report.error_number);
    case Stage::kMount: {
      const std::string& line = mounts.at(static_cast<std::size_t>(report.index));
      base::Error error = base::Error::sys("mount", line, report.error_number);
      if (report.error_number == EPERM && line == "proc on /proc") {
        error.hint(
            "the container around bld hides parts of /proc: start it with --security-opt "
            "systempaths=unconfined (Docker) or --security-opt unmask=/proc/* (Podman)");
      }
      return error;
    }
    default:
      return base::Error::sys(stage_name(report.stage), "container", report.error_number);
  }
}

// "oom_kill" of /proc/vmstat: how often the kernel ended a process for want of memory.
unsigned long long oom_kills() {
  const std::string text = base::read_file("/proc/vmstat", 1 << 20);
  const std::size_t at = text.find("\noom_kill ");
  if (at == std::string::npos) return 0;
  const std::size_t start = at + 10;
  return base::parse_unsigned(std::string_view(text).substr(start, text.find('\n', start) - start))
      .value_or(0);
}

// Who moves this process to another group meanwhile is not followed.
const CgroupPlaces& own_cgroups() {
  static const CgroupPlaces places = CgroupPlaces::of_this_process();
  return places;
}

// The default limit of processes is tried once: where it cannot be had, it costs nothing.
ResourceLimits effective_resources(ResourceLimits limits) {
  static const std::int64_t default_pids = with_default_pids({}, own_cgroups()).pids;
  if (limits.pids == 0) limits.pids = default_pids;
  return limits;
}

Exit exit_of(const Report& report) {
  Exit exit;
  const int wait_status = report.wait_status;
  exit.signaled = WIFSIGNALED(wait_status);
  exit.status = exit.signaled ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
  exit.user_time = std::chrono::microseconds(report.user_us);
  exit.system_time = std::chrono::microseconds(report.system_us);
  exit.max_rss_bytes = static_cast<std::uint64_t>(report.max_rss_kib) * 1024;
  exit.input_bytes = static_cast<std::uint64_t>(report.input_blocks) * 512;
  exit.output_bytes = static_cast<std::uint64_t>(report.output_blocks) * 512;
  return exit;
}

class LaunchedHelper : public Helper {
 public:
  explicit LaunchedHelper(base::UniqueFd channel) : channel_(std::move(channel)) {}

  bool running() override {
    Report report;
    return ::recv(channel_.get(), &report, sizeof report, MSG_DONTWAIT | MSG_PEEK) < 0 &&
           errno == EAGAIN;
  }

 private:
  base::UniqueFd channel_;  // closing it asks the launcher to stop the program
};

}  // namespace

struct Launcher::State {
  base::UniqueFd control;
  pid_t pid = -1;
  Confinement confinement = Confinement::kContainer;
  std::atomic<unsigned long long> oom_kills_seen{0};
  base::Mutex filter_mutex;
  // By the bits of the capability set.
  std::map<std::uint64_t, std::vector<sock_filter>> filters GUARDED_BY(filter_mutex);
  std::unique_ptr<NetworkPool> networks;
  base::Mutex dev_mutex;
  base::UniqueFd next_dev GUARDED_BY(dev_mutex);

  base::UniqueFd take_dev() {
    const base::MutexLock lock(dev_mutex);
    return next_dev ? std::move(next_dev) : make_dev();
  }

  // While a command runs.
  void prepare_dev() {
    const base::MutexLock lock(dev_mutex);
    if (!next_dev) next_dev = make_dev();
  }

  std::vector<sock_filter> filter_for(const CapabilitySet& capabilities) {
    const base::MutexLock lock(filter_mutex);
    auto [entry, is_new] = filters.try_emplace(capabilities.bits());
    if (is_new) entry->second = compile_default_filter(capabilities);
    return entry->second;
  }

  ChildPlan make_plan(const ContainerSpec& spec);
};

std::unique_ptr<Launcher> Launcher::start(Confinement confinement) {
  SocketPair control = make_socket_pair();
  auto state = std::make_unique<State>();
  state->confinement = confinement;
  const pid_t parent = ::getpid();
  state->pid = ::fork();
  if (state->pid < 0) throw base::Error::sys("fork", "launcher");
  if (state->pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::getppid() != parent) ::_exit(0);
    launcher_main(control.theirs.release());
  }
  state->control = std::move(control.ours);
  state->networks = std::make_unique<NetworkPool>([control_fd = state->control.get()](
                                                      const HelperCommand& command) {
    ChildPlan plan;
    plan.programs = {command.program};
    plan.args = command.args;
    const std::vector<int> fds = {command.input_fd, command.error_fd};
    plan.input = 0;
    plan.output = plan.error = 1;
    return std::make_unique<LaunchedHelper>(submit(control_fd, Request::Kind::kHelper, plan, fds));
  });
  return std::unique_ptr<Launcher>(new Launcher(std::move(state)));
}

Launcher::Launcher(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->oom_kills_seen = oom_kills();
}

Launcher::~Launcher() {
  EndingContainers::of_this_process().wait();
  state_->networks.reset();
  state_->control.reset();
  ::waitpid(state_->pid, nullptr, 0);
}

int Launcher::pid() const { return state_->pid; }

Confinement Launcher::confinement() const { return state_->confinement; }

ChildPlan Launcher::State::make_plan(const ContainerSpec& spec) {
  ChildPlan plan;
  plan.is_chroot = confinement == Confinement::kChroot;
  plan.hostname = spec.hostname;
  plan.cwd = spec.cwd;
  plan.shm_options = fmt::format("mode=1777,size={}", spec.shm_size_bytes);
  plan.pts_options = pts_options();
  plan.args = spec.args;
  plan.env = spec.env;
  plan.programs = programs_to_try(spec);
  if (base::records_owners()) {
    plan.emulation = compile_emulation_filter(spec.capabilities);
  } else {
    plan.uid = spec.user.uid;
    plan.gid = spec.user.gid;
    plan.groups = spec.user.groups;
  }
  plan.capabilities = spec.capabilities.bits();
  plan.no_new_privileges = spec.no_new_privileges;
  plan.masked = spec.kernel_files.masked;
  plan.read_only = spec.kernel_files.read_only;
  if (spec.seccomp == Seccomp::kDefault) plan.filter = filter_for(spec.capabilities);
  if (spec.seccomp == Seccomp::kCustom) plan.filter = spec.seccomp_filter;
  plan.rlimits = effective_limits(spec.rlimits);
  plan.umask = spec.umask;
  plan.shared = spec.shared;
  return plan;
}

Exit Launcher::run(const ContainerSpec& wanted, std::stop_token stop) {
  const bool is_chroot = state_->confinement == Confinement::kChroot;
  const ContainerSpec adapted = is_chroot ? for_chroot(wanted) : ContainerSpec();
  const ContainerSpec& spec = is_chroot ? adapted : wanted;
  check_texts(spec);
  check_ids(spec.user);
  NetworkPool::Lease network = state_->networks->acquire(spec.network, spec.host_access);
  if (spec.capabilities.has("NET_ADMIN")) network.spoil();
  ChildPlan plan = spec.runtime.program.empty() ? state_->make_plan(spec) : make_runtime_plan(spec);
  const Cgroup cgroup(effective_resources(spec.limits), own_cgroups());
  std::optional<MountPlan> mounts;
  std::vector<int> fds;
  base::UniqueFd root;
  if (is_chroot) {
    root = base::RootedDir::open(std::get<PlainRoot>(spec.root).directory).open_at(".", O_PATH);
    fds.push_back(root.get());
    plan.root = 0;
  } else {
    mounts.emplace(spec, state_->take_dev());
    mounts->fill(plan);
    fds = mounts->fds();
  }
  const auto pass = [&fds](int fd) {
    if (fd < 0) return -1;
    fds.push_back(fd);
    return static_cast<int>(fds.size() - 1);
  };
  plan.network = pass(network.fd());
  plan.input = pass(spec.stdin_fd);
  plan.output = pass(spec.output != nullptr ? spec.output->out() : spec.stdout_fd);
  plan.error = pass(spec.output != nullptr ? spec.output->err() : spec.stderr_fd);
  plan.console = pass(spec.console_socket_fd);
  for (const int entrance : cgroup.entrances()) plan.cgroups.push_back(pass(entrance));

  // A FUSE mount, a control group, a bundle and stubs are only cleared away when all is gone.
  const bool only_mounts_remain = mounts && !mounts->has_stubs() && cgroup.entrances().empty() &&
                                  spec.overlay_api != OverlayApi::kFuse &&
                                  spec.runtime.program.empty() && !base::records_owners();
  base::UniqueFd channel = submit(state_->control.get(), Request::Kind::kContainer, plan, fds);
  std::optional<Report> failed, ended, reaped;
  std::optional<Emulation> emulation;
  std::atomic<bool> stopped = false;
  {
    const std::stop_callback on_stop(stop, [&] {
      stopped = true;
      (void)!::send(channel.get(), &kStopMessage, 1, MSG_NOSIGNAL);
    });
    if (mounts) state_->prepare_dev();
    base::UniqueFd listener;
    const auto receive = [&](Report& report) {
      if (spec.output != nullptr) spec.output->read_until_ready(channel.get());
      return receive_report(channel.get(), report, listener);
    };
    for (Report report; !reaped && receive(report);) {
      if (report.kind == Report::Kind::kListener && base::records_owners()) {
        emulation.emplace(std::move(listener), spec.user);
      }
      if (report.kind == Report::Kind::kFailed) failed = report;
      if (report.kind == Report::Kind::kEnded) ended = report;
      if (ended && ended->is_empty && only_mounts_remain) break;
      if (report.kind == Report::Kind::kReaped) reaped = report;
      if (failed && failed->stage == Stage::kClone) break;
    }
  }
  // Also if the command could not be executed: telling why may mount what it had.
  const bool is_ending = !reaped && ended && ended->is_empty;
  if (is_ending) EndingContainers::of_this_process().add(std::move(channel));
  emulation.reset();  // its thread's root is the container's
  const std::string trouble = mounts && !stopped ? mounts->runtime_error() : "";
  if (mounts) mounts->clean_up();
  if (failed) {
    throw setup_error(spec, mounts ? mounts->lines() : std::vector<std::string>(), *failed);
  }
  if (!reaped && !is_ending) throw base::Error("the launcher process has ended");

  if (!trouble.empty() && ended && WIFEXITED(ended->wait_status) &&
      WEXITSTATUS(ended->wait_status) == 1) {
    throw base::Error("{}: {}", base::printable(spec.runtime.program), trouble);
  }

  // Without word from the container's init, the container was killed as a whole.
  Exit exit = exit_of(ended ? *ended : *reaped);
  exit.stopped = stopped;
  if (exit.signaled && exit.status == 128 + SIGKILL && !exit.stopped) {
    const unsigned long long kills = oom_kills();
    exit.oom_killed = kills > state_->oom_kills_seen.exchange(kills);
  }
  // Also if a child of the command was killed, and the command ended because of it.
  if (exit.status != 0 && !exit.stopped && cgroup.oom_kills() != 0) exit.oom_killed = true;
  return exit;
}

}  // namespace bld::runtime
