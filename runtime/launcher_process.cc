#include "runtime/launcher_process.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
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
#include "base/unique_fd.h"
#include "runtime/child_plan.h"
#include "runtime/child_setup.h"

namespace bld::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// From SIGTERM to SIGKILL: short enough for bld to be gone within a second of Ctrl-C.
constexpr auto kGrace = std::chrono::milliseconds(500);

// One packet into `buffer`, its descriptors appended to `fds`. 0 at the end of the connection.
std::size_t receive(int socket, void* buffer, std::size_t size, std::vector<base::UniqueFd>& fds) {
  iovec data{buffer, size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * (kFdsPerPacket + 2))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t length = 0;
  do {
    length = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (length < 0 && errno == EINTR);
  if (length <= 0) return 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return static_cast<std::size_t>(length);
}

// The memory of a memfd, for as long as it is read.
class Mapping {
 public:
  explicit Mapping(int fd) {
    struct stat status {};

    if (::fstat(fd, &status) != 0) throw base::Error::sys("fstat", "plan");
    size_ = static_cast<std::size_t>(status.st_size);
    memory_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (memory_ == MAP_FAILED) throw base::Error::sys("mmap", "plan");
  }

  ~Mapping() { ::munmap(memory_, size_); }

  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::string_view text() const { return {static_cast<const char*>(memory_), size_}; }

 private:
  void* memory_ = nullptr;
  std::size_t size_ = 0;
};

void wipe(std::vector<std::string>& texts) {
  for (std::string& text : texts) ::explicit_bzero(text.data(), text.size());
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::uint64_t namespaces_of(const SharedNamespaces& shared) {
  return CLONE_NEWPID | CLONE_NEWNS | (shared.ipc ? 0U : CLONE_NEWIPC) |
         (shared.uts ? 0U : CLONE_NEWUTS) | (shared.cgroup ? 0U : CLONE_NEWCGROUP);
}

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

  struct Start {
    Request request;
    base::UniqueFd channel;
    std::vector<base::UniqueFd> fds;
    ChildMemory memory;
  };

  void accept_request();
  void start(Start& start);
  void prepare_container(Start& start) const;
  [[noreturn]] void run_helper(Start& start) const;
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
  Start start_data;
  std::vector<base::UniqueFd> fds;
  if (receive(control_, &start_data.request, sizeof(Request), fds) != sizeof(Request)) ::_exit(0);
  if (fds.size() < 2) return;  // we ran out of descriptors: the closed channel tells the caller
  start_data.channel = std::move(fds[0]);
  try {
    char more = 0;
    while (fds.size() < start_data.request.fd_count + 2) {
      if (receive(start_data.channel.get(), &more, 1, fds) == 0) return;
    }
    start_data.memory.plan = decode(Mapping(fds[1].get()).text());
  } catch (const base::Error&) {
    return;
  }
  fds.erase(fds.begin(), fds.begin() + 2);
  start_data.fds = std::move(fds);
  start(start_data);
  wipe(start_data.memory.plan.env);
  wipe(start_data.memory.plan.args);
}

// From slots to descriptors, and the lists that the child cannot make for itself.
void LauncherProcess::prepare_container(Start& start) const {
  ChildMemory& memory = start.memory;
  ChildPlan& plan = memory.plan;
  const auto resolve = [&start](FdSlot& slot) {
    if (slot >= 0) slot = start.fds.at(static_cast<std::size_t>(slot)).get();
  };
  for (FdSlot* slot : {&plan.root, &plan.bundle, &plan.network, &plan.input, &plan.output,
                       &plan.error, &plan.console}) {
    resolve(*slot);
  }
  for (FdSlot& slot : plan.cgroups) resolve(slot);
  for (MountOp& op : plan.mounts) {
    resolve(op.source);
    resolve(op.target);
  }
  memory.argv = pointers(plan.args);
  memory.envp = pointers(plan.env);
  memory.channel = start.channel.get();
  memory.lifeline = lifeline_.read.get();
  for (const base::UniqueFd& fd : start.fds) memory.keep.push_back(fd.get());
  memory.keep.push_back(memory.channel);
  memory.keep.push_back(memory.lifeline);
  std::sort(memory.keep.begin(), memory.keep.end());
}

void LauncherProcess::start(Start& start) {
  prepare_container(start);
  int pid_fd = -1;
  const bool has_namespaces =
      start.request.kind == Request::Kind::kContainer && !start.memory.plan.is_chroot;
  const pid_t pid =
      clone_process(has_namespaces ? namespaces_of(start.memory.plan.shared) : 0, pid_fd);
  if (pid == 0) {
    if (start.request.kind == Request::Kind::kHelper) run_helper(start);
    container_main(start.memory);
  }
  if (pid < 0) {
    Report report;
    report.stage = Stage::kClone;
    report.error_number = errno;
    send_report(start.channel.get(), report);
    return;
  }
  children_.push_back({pid, base::UniqueFd(pid_fd), std::move(start.channel), std::nullopt});
}

// A program of this machine that serves containers. It ends with the launcher, also if that one is
// gone already.
void LauncherProcess::run_helper(Start& start) const {
  const ChildPlan& plan = start.memory.plan;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != pid_) ::_exit(127);
  const int streams[] = {plan.input, plan.output, plan.error};
  for (int fd = 0; fd < 3; ++fd) {
    if (streams[fd] >= 0) ::dup2(streams[fd], fd);
  }
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.programs[0].c_str(), start.memory.argv.data(), start.memory.envp.data());
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
