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
#include "runtime/launcher_messages.h"
#include "runtime/launcher_process.h"
#include "runtime/limits.h"
#include "runtime/mount_plan.h"
#include "runtime/network_pool.h"
#include "runtime/oci_bundle.h"
#include "runtime/overlay.h"
#include "runtime/prepared_container.h"
#include "runtime/seccomp.h"

namespace bld::runtime {
namespace {

constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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
void describe_runtime(const ContainerSpec& spec, PlanWriter<ChildPlan>& plan) {
  if (base::records_owners()) {
    throw base::Error(
        "{} cannot make the containers where only one id is mapped: who owns what is "
        "recorded by bld's own",
        base::printable(spec.runtime.program))
        .hint("leave --runtime out, or get more ids: bld doctor");
  }
  plan.head.programs = plan.add(std::vector<std::string>{find_oci_runtime(spec.runtime)});
  plan.head.args = plan.add(oci_runtime_command(spec.runtime, kBundleDirectory));
  const char* path = ::getenv("PATH");
  plan.head.env =
      plan.add(std::vector{"PATH=" + std::string(path == nullptr ? kDefaultPath : path)});
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
    case Stage::kMount:
      return base::Error::sys("mount", mounts.at(static_cast<std::size_t>(report.index)),
                              report.error_number);
    case Stage::kProc: {
      base::Error error = base::Error::sys("mount", "proc on /proc", report.error_number);
      if (report.error_number == EPERM) {
        error.hint(
            "the container around bld hides parts of /proc: start it with --security-opt "
            "systempaths=unconfined (Docker) or --security-opt unmask=/proc/* (Podman)");
      }
      return error;
    }
    case Stage::kSys:
      return base::Error::sys("mount", "sysfs on /sys", report.error_number);
    case Stage::kDev:
      return base::Error::sys("mount", "tmpfs on /dev", report.error_number);
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
  LaunchedHelper(int control, const HelperCommand& command)
      : sockets_(request_child(control, {Request::Kind::kHelper})) {
    PlanWriter<ChildPlan> plan;
    plan.head.programs = plan.add(std::vector{command.program});
    plan.head.args = plan.add(command.args);
    plan.head.env = plan.add(std::vector<std::string>{});
    plan.head.input = 0;
    plan.head.output = plan.head.error = 1;
    send_plan(sockets_.plans.get(), plan.bytes(), {{command.input_fd, command.error_fd}});
  }

  bool running() override {
    Report report;
    return ::recv(sockets_.channel.get(), &report, sizeof report, MSG_DONTWAIT | MSG_PEEK) < 0 &&
           errno == EAGAIN;
  }

 private:
  ChildSockets sockets_;  // closing the channel asks the launcher to stop the program
};

}  // namespace

struct Launcher::State {
  base::UniqueFd control;
  pid_t pid = -1;
  Confinement confinement = Confinement::kContainer;
  std::atomic<unsigned long long> oom_kills_seen{0};
  std::atomic<bool> has_run = false;
  base::Mutex filter_mutex;
  // By the bits of the capability set.
  std::map<std::uint64_t, std::vector<sock_filter>> filters GUARDED_BY(filter_mutex);
  std::unique_ptr<NetworkPool> networks;
  std::unique_ptr<PreparedContainers> containers;

  std::vector<sock_filter> filter_for(const CapabilitySet& capabilities) {
    const base::MutexLock lock(filter_mutex);
    auto [entry, is_new] = filters.try_emplace(capabilities.bits());
    if (is_new) entry->second = compile_default_filter(capabilities);
    return entry->second;
  }

  ContainerBase::Kind kind_of(const ContainerSpec& spec) const {
    if (confinement == Confinement::kChroot) return ContainerBase::Kind::kChroot;
    return spec.runtime.program.empty() ? ContainerBase::Kind::kContainer
                                        : ContainerBase::Kind::kBundle;
  }

  void describe(const ContainerSpec& spec, PlanWriter<ChildPlan>& plan);
  void prepare(const ContainerSpec& spec, const Foundation& foundation);
};

std::unique_ptr<Launcher> Launcher::start(Confinement confinement) {
  int control[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0) {
    throw base::Error::sys("socketpair", "launcher");
  }
  auto state = std::make_unique<State>();
  state->control.reset(control[0]);
  base::UniqueFd theirs(control[1]);
  state->confinement = confinement;
  const pid_t parent = ::getpid();
  state->pid = ::fork();
  if (state->pid < 0) throw base::Error::sys("fork", "launcher");
  if (state->pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::getppid() != parent) ::_exit(0);
    launcher_main(theirs.release());
  }
  const int ours = state->control.get();
  state->containers = std::make_unique<PreparedContainers>(ours);
  state->networks = std::make_unique<NetworkPool>([ours](const HelperCommand& command) {
    return std::make_unique<LaunchedHelper>(ours, command);
  });
  return std::unique_ptr<Launcher>(new Launcher(std::move(state)));
}

Launcher::Launcher(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->oom_kills_seen = oom_kills();
}

Launcher::~Launcher() {
  state_->containers.reset();
  EndingContainers::of_this_process().wait();
  state_->networks.reset();
  state_->control.reset();
  ::waitpid(state_->pid, nullptr, 0);
}

int Launcher::pid() const { return state_->pid; }

Confinement Launcher::confinement() const { return state_->confinement; }

void Launcher::State::describe(const ContainerSpec& spec, PlanWriter<ChildPlan>& plan) {
  ChildPlan& head = plan.head;
  head.cwd = plan.add(spec.cwd);
  head.args = plan.add(spec.args);
  head.env = plan.add(spec.env);
  head.programs = plan.add(programs_to_try(spec));
  if (base::records_owners()) {
    head.emulation = plan.add(compile_emulation_filter(spec.capabilities));
  } else {
    head.uid = spec.user.uid;
    head.gid = spec.user.gid;
    head.groups = plan.add(spec.user.groups);
  }
  head.capabilities = spec.capabilities.bits();
  head.no_new_privileges = spec.no_new_privileges;
  const KernelFiles files = spec.kernel_files.of_root();
  head.masked = plan.add(files.masked);
  head.read_only = plan.add(files.read_only);
  if (spec.seccomp == Seccomp::kDefault) head.filter = plan.add(filter_for(spec.capabilities));
  if (spec.seccomp == Seccomp::kCustom) head.filter = plan.add(spec.seccomp_filter);
  head.rlimits = plan.add(effective_limits(spec.rlimits));
  head.umask = spec.umask;
}

void Launcher::State::prepare(const ContainerSpec& spec, const Foundation& foundation) {
  // The copy of a FUSE mount would keep it busy.
  const bool is_cheap =
      foundation.kind == ContainerBase::Kind::kContainer && spec.overlay_api != OverlayApi::kFuse;
  if (!is_cheap) return;
  try {
    containers->prepare(foundation, spec.mounts);
  } catch (const base::Error&) {
    // Whoever needs one asks for it again, and is told.
  }
}

// One container, from its preparation to its end.
class Launcher::Run {
 public:
  Run(Launcher::State& state, const ContainerSpec& spec,
      std::unique_ptr<PreparedContainer> container)
      : state_(state), spec_(spec), container_(std::move(container)) {}

  // Any thread, while the others run.
  void stop() {
    stopped_ = true;
    (void)!::send(container_->channel().get(), &kStopMessage, 1, MSG_NOSIGNAL);
  }

  // Hands the plan over. False: the container has ended before.
  bool start();

  // Until nothing of the container runs any more.
  void wait();

  Exit finish();

 private:
  // Blocks for the next report. False when no more will come.
  bool receive();
  void add_root(PlanWriter<ChildPlan>& plan);
  Exit result() const;

  // A FUSE mount, a control group, a bundle and stubs are only cleared away when all is gone.
  bool must_be_reaped() const {
    return !mounts_ || mounts_->has_stubs() || !container_->cgroup().entrances().empty() ||
           spec_.overlay_api == OverlayApi::kFuse || !spec_.runtime.program.empty() ||
           base::records_owners();
  }

  Launcher::State& state_;
  const ContainerSpec& spec_;
  const std::unique_ptr<PreparedContainer> container_;
  base::UniqueFd root_;              // of a chroot
  std::optional<MountPlan> mounts_;  // of all others
  std::vector<int> fds_;             // of the plan's slots
  std::atomic<bool> stopped_ = false;
  bool is_ready_ = false;
  std::optional<Report> failed_, ended_, reaped_;
  std::optional<Emulation> emulation_;
};

bool Launcher::Run::receive() {
  if (spec_.output != nullptr) spec_.output->read_until_ready(container_->channel().get());
  Report report;
  base::UniqueFd listener;
  if (!receive_report(container_->channel().get(), report, listener)) return false;
  switch (report.kind) {
    case Report::Kind::kReady:
      is_ready_ = true;
      break;
    case Report::Kind::kListener:
      if (base::records_owners()) emulation_.emplace(std::move(listener), spec_.user);
      break;
    case Report::Kind::kFailed:
      failed_ = report;
      break;
    case Report::Kind::kEnded:
      ended_ = report;
      break;
    case Report::Kind::kUnmounted:
      break;
    case Report::Kind::kReaped:
      reaped_ = report;
      break;
  }
  return !reaped_ && !(failed_ && failed_->stage == Stage::kClone);
}

void Launcher::Run::add_root(PlanWriter<ChildPlan>& plan) {
  if (state_.confinement == Confinement::kChroot) {
    root_ = base::RootedDir::open(std::get<PlainRoot>(spec_.root).directory).open_at(".", O_PATH);
    fds_.push_back(root_.get());
    plan.head.root = 0;
    return;
  }
  mounts_.emplace(spec_, container_->dev(), container_->files());
  mounts_->fill(plan);
  fds_ = mounts_->fds();
}

bool Launcher::Run::start() {
  PlanWriter<ChildPlan> plan;
  if (spec_.runtime.program.empty()) {
    state_.describe(spec_, plan);
  } else {
    describe_runtime(spec_, plan);
  }
  while (!is_ready_ && receive()) continue;
  if (!is_ready_) return false;
  add_root(plan);
  const auto pass = [this](int fd) {
    if (fd < 0) return -1;
    fds_.push_back(fd);
    return static_cast<int>(fds_.size() - 1);
  };
  plan.head.input = pass(spec_.stdin_fd);
  plan.head.output = pass(spec_.output != nullptr ? spec_.output->out() : spec_.stdout_fd);
  plan.head.error = pass(spec_.output != nullptr ? spec_.output->err() : spec_.stderr_fd);
  plan.head.console = pass(spec_.console_socket_fd);
  container_->start(plan.bytes(), fds_);
  return true;
}

void Launcher::Run::wait() {
  const bool all = must_be_reaped();
  while (receive()) {
    if (!all && ended_ && ended_->is_empty) return;
  }
}

Exit Launcher::Run::finish() {
  // Also if the command could not be executed: telling why may mount what it had.
  const bool is_ending = !reaped_ && ended_ && ended_->is_empty;
  if (is_ending) EndingContainers::of_this_process().add(std::move(container_->channel()));
  emulation_.reset();  // its thread's root is the container's
  const std::string trouble = mounts_ && !stopped_ ? mounts_->runtime_error() : "";
  if (mounts_) mounts_->clean_up();
  if (failed_) {
    throw setup_error(spec_, mounts_ ? mounts_->lines() : std::vector<std::string>(), *failed_);
  }
  if (!reaped_ && !is_ending) throw base::Error("the launcher process has ended");
  if (!trouble.empty() && ended_ && WIFEXITED(ended_->wait_status) &&
      WEXITSTATUS(ended_->wait_status) == 1) {
    throw base::Error("{}: {}", base::printable(spec_.runtime.program), trouble);
  }
  return result();
}

Exit Launcher::Run::result() const {
  // Without word from the container's init, the container was killed as a whole.
  Exit exit = exit_of(ended_ ? *ended_ : *reaped_);
  exit.stopped = stopped_;
  if (exit.signaled && exit.status == 128 + SIGKILL && !exit.stopped) {
    const unsigned long long kills = oom_kills();
    exit.oom_killed = kills > state_.oom_kills_seen.exchange(kills);
  }
  // Also if a child of the command was killed, and the command ended because of it.
  if (exit.status != 0 && !exit.stopped && container_->cgroup().oom_kills() != 0) {
    exit.oom_killed = true;
  }
  return exit;
}

Exit Launcher::run(const ContainerSpec& wanted, std::stop_token stop) {
  const bool is_chroot = state_->confinement == Confinement::kChroot;
  const ContainerSpec adapted = is_chroot ? for_chroot(wanted) : ContainerSpec();
  const ContainerSpec& spec = is_chroot ? adapted : wanted;
  check_texts(spec);
  check_ids(spec.user);
  NetworkPool::Lease network = state_->networks->acquire(spec.network, spec.host_access);
  if (spec.capabilities.has("NET_ADMIN")) network.spoil();
  const auto foundation = Foundation::of(spec, state_->kind_of(spec), network.fd());
  Run run(*state_, spec, state_->containers->take(foundation));
  {
    const std::stop_callback on_stop(stop, [&run] { run.stop(); });
    if (run.start()) {
      // What runs twice is expected to run a third time.
      if (state_->has_run.exchange(true) && !network.is_spoiled())
        state_->prepare(spec, foundation);
      run.wait();
    }
  }
  return run.finish();
}

}  // namespace bld::runtime
