#include "runtime/launcher_process.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/packet.h"
#include "base/unique_fd.h"
#include "runtime/child_receive.h"
#include "runtime/child_setup.h"
#include "runtime/launcher_messages.h"

namespace bld::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// From SIGTERM to SIGKILL: short enough for bld to be gone within a second of Ctrl-C.
constexpr auto kGrace = std::chrono::milliseconds(500);

// fork() with namespaces: without CLONE_VM the child has its own copy of this stack. The second
// call is for filters that refuse the first, whose arguments they cannot see.
pid_t clone_process(std::uint64_t flags, int& pid_fd) {
  clone_args args{};
  args.flags = flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pid_fd);
  args.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid >= 0 || errno != ENOSYS) return static_cast<pid_t>(pid);
  return static_cast<pid_t>(
      ::syscall(SYS_clone, args.flags | SIGCHLD, nullptr, &pid_fd, nullptr, nullptr));
}

void send_report(int channel, const Report& report) {
  (void)!::send(channel, &report, sizeof report, MSG_NOSIGNAL);
}

class LauncherProcess {
 public:
  explicit LauncherProcess(int control) : control_(control), lifeline_(base::make_pipe()) {}

  void run();

 private:
  // A container's init, or a helper.
  struct Child {
    pid_t pid = -1;
    base::UniqueFd pid_fd, channel;
    std::optional<Clock::time_point> kill_at;
  };

  void accept_request();
  [[noreturn]] void run_helper(int plans) const;
  void stop(Child& child) const;
  void reap(Child& child) const;
  int timeout_ms() const;

  const pid_t pid_ = ::getpid();
  int control_;
  base::Pipe lifeline_;
  std::vector<Child> children_;
};

void LauncherProcess::run() {
  for (;;) {
    std::vector<pollfd> watched{{control_, POLLIN, 0}};
    for (const Child& child : children_) {
      watched.push_back({child.pid_fd.get(), POLLIN, 0});
      // Once it was told to stop there is nothing more to hear.
      watched.push_back({child.kill_at ? -1 : child.channel.get(), POLLIN, 0});
    }
    if (::poll(watched.data(), watched.size(), timeout_ms()) < 0 && errno != EINTR) ::_exit(1);
    for (std::size_t i = 0; i < children_.size(); ++i) {
      Child& child = children_[i];
      if (watched[2 * i + 2].revents != 0) stop(child);
      if (child.kill_at && *child.kill_at <= Clock::now()) ::kill(child.pid, SIGKILL);
      if (watched[2 * i + 1].revents != 0) reap(child);
    }
    std::erase_if(children_, [](const Child& child) { return child.pid < 0; });
    if (watched[0].revents != 0) accept_request();
  }
}

int LauncherProcess::timeout_ms() const {
  int result = -1;
  for (const Child& child : children_) {
    if (!child.kill_at) continue;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(*child.kill_at - Clock::now());
    const int wait = static_cast<int>(std::max<std::int64_t>(left.count() + 1, 1));
    result = result < 0 ? wait : std::min(result, wait);
  }
  return result;
}

void LauncherProcess::accept_request() {
  Request request;
  int fds[2] = {-1, -1};
  const auto packet = base::receive_packet(control_, &request, sizeof request, fds);
  base::UniqueFd channel(fds[0]);
  const base::UniqueFd plans(fds[1]);
  if (packet.length != sizeof request) ::_exit(0);
  // With fewer we ran out of descriptors: the closed sockets tell the caller.
  if (!plans) return;
  int pid_fd = -1;
  const pid_t pid = clone_process(request.namespaces, pid_fd);
  if (pid == 0) {
    if (request.kind == Request::Kind::kHelper) run_helper(plans.get());
    ChildMemory memory{channel.get(), plans.get(), lifeline_.read.get(), {}, {}};
    container_main(memory);
  }
  if (pid < 0) {
    Report report;
    report.stage = Stage::kClone;
    report.error_number = errno;
    send_report(channel.get(), report);
    return;
  }
  children_.push_back({pid, base::UniqueFd(pid_fd), std::move(channel), std::nullopt});
}

// A program of this machine that serves containers. It ends with the launcher, also if that one is
// gone already.
void LauncherProcess::run_helper(int plans) const {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != pid_) ::_exit(127);
  MappedPlan<ChildPlan> mapped;
  if (receive_plan(plans, mapped) != 0) ::_exit(127);
  const ChildPlan& plan = mapped.head();
  const int streams[] = {plan.input, plan.output, plan.error};
  for (int fd = 0; fd < 3; ++fd) {
    if (streams[fd] >= 0) ::dup2(streams[fd], fd);
  }
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(mapped.text(mapped.list(plan.programs)[0]), mapped.pointers(plan.args),
           mapped.pointers(plan.env));
  ::_exit(127);
}

void LauncherProcess::stop(Child& child) const {
  // A socket that is closed with something unread resets the connection, and the report is lost.
  char message = 0;
  (void)!::recv(child.channel.get(), &message, 1, MSG_DONTWAIT);
  child.kill_at = Clock::now() + kGrace;
  ::kill(child.pid, SIGTERM);
}

void LauncherProcess::reap(Child& child) const {
  Report report;
  report.kind = Report::Kind::kReaped;
  rusage usage{};
  if (::wait4(child.pid, &report.wait_status, WNOHANG, &usage) != child.pid) return;
  report.set_usage(usage);
  send_report(child.channel.get(), report);
  child.pid = -1;
}

// The bytes of our command line and environment: the init of each container is a copy of this
// process, and its command line is to be read by everybody inside.
void wipe_arguments() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream rest(text.substr(text.rfind(')') + 2));
  std::string field;
  // proc(5): fields 48 to 51 are arg_start, arg_end, env_start, env_end; `rest` begins with 3.
  for (int number = 3; number < 48; ++number) rest >> field;
  std::uintptr_t limits[4] = {};
  for (std::uintptr_t& limit : limits) rest >> limit;
  if (!rest) return;
  ::clearenv();
  for (const int i : {0, 2}) {
    if (limits[i] == 0 || limits[i + 1] <= limits[i]) continue;
    ::explicit_bzero(reinterpret_cast<void*>(limits[i]), limits[i + 1] - limits[i]);
  }
  if (limits[0] != 0 && limits[1] - limits[0] > 4) {
    std::memcpy(reinterpret_cast<void*>(limits[0]), "init", 4);
  }
}

void set_up_process(int control) {
  ::setsid();  // Ctrl-C is for the builder, who stops its steps in order
  ::prctl(PR_SET_NAME, "bld-launcher", 0, 0, 0);
  const base::UniqueFd null_device(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd = 0; fd < 3; ++fd) ::dup2(null_device.get(), fd);
  ::close_range(3, static_cast<unsigned>(control) - 1, 0);
  ::close_range(static_cast<unsigned>(control) + 1, ~0U, 0);

  // Containers begin with the standard action of each signal, whatever the builder's caller
  // ignores.
  struct sigaction standard {};

  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGCHLD);
  ::sigaddset(&blocked, SIGTERM);
  ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
  wipe_arguments();
}

}  // namespace

void launcher_main(int control) {
  try {
    set_up_process(control);
    LauncherProcess(control).run();
  } catch (...) {
    // The callers see their channels close.
  }
  ::_exit(1);
}

}  // namespace bld::runtime
