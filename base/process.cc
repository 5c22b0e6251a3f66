#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/text.h"
#include "base/unique_fd.h"

extern char** environ;

namespace bld::base {

namespace {

// All that the child needs, made before the fork: after it only system calls are allowed.
struct Prepared {
  std::string program;
  std::vector<char*> args, env;
  const char* directory = nullptr;
  int kept_fd = -1;
  bool own_group = false;  // to be killed with what it started
};

Prepared prepare(const ProcessOptions& options) {
  Prepared prepared;
  prepared.program = options.args.at(0).find('/') == std::string::npos
                         ? find_program(options.args[0])
                         : options.args[0];
  if (prepared.program.empty()) throw Error("{}: no such program in PATH", options.args[0]);
  for (const std::string& arg : options.args)
    prepared.args.push_back(const_cast<char*>(arg.c_str()));
  prepared.args.push_back(nullptr);
  // The last of several equal names would win for some programs only: ours replace the inherited.
  if (options.inherit_env) {
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string_view inherited(*entry);
      const std::string_view name = inherited.substr(0, inherited.find('=') + 1);
      bool replaced = false;
      for (const std::string& own : options.env) replaced = replaced || own.starts_with(name);
      if (!replaced) prepared.env.push_back(*entry);
    }
  }
  for (const std::string& entry : options.env)
    prepared.env.push_back(const_cast<char*>(entry.c_str()));
  prepared.env.push_back(nullptr);
  if (!options.directory.empty()) prepared.directory = options.directory.c_str();
  prepared.kept_fd = options.kept_fd;
  prepared.own_group = options.stop.stop_possible() || options.silence.count() > 0;
  return prepared;
}

[[noreturn]] void child(const Prepared& prepared, int in, int out, int err, int report) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (prepared.own_group) ::setpgid(0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (::dup2(in, 0) >= 0 && ::dup2(out, 1) >= 0 && ::dup2(err, 2) >= 0 &&
      (prepared.kept_fd < 0 || ::fcntl(prepared.kept_fd, F_SETFD, 0) == 0) &&
      (prepared.directory == nullptr || ::chdir(prepared.directory) == 0)) {
    ::execve(prepared.program.c_str(), prepared.args.data(), prepared.env.data());
  }
  const int error = errno;
  (void)!::write(report, &error, sizeof error);
  ::_exit(127);
}

constexpr int kPollMilliseconds = 100;

// Feeds the input and collects both outputs until both are closed. False when it gave up: it was
// asked to stop, or the program has been silent for too long.
bool converse(const ProcessOptions& options, UniqueFd input, UniqueFd output, UniqueFd error_output,
              ProcessResult& result) {
  std::string_view rest = options.input;
  ::fcntl(input.get(), F_SETFL, O_NONBLOCK);
  if (rest.empty()) input.reset();
  const auto drain = [&](UniqueFd& fd, short events, std::string& text) {
    if (!fd || events == 0) return;
    char buffer[16384];
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count <= 0) {
      if (count == 0 || errno != EINTR) fd.reset();
    } else if (text.size() < options.output_limit_bytes) {
      text.append(buffer, static_cast<std::size_t>(count));
    }
  };
  const bool may_give_up = options.stop.stop_possible() || options.silence.count() > 0;
  auto heard = std::chrono::steady_clock::now();
  while (output || error_output) {
    if (options.stop.stop_requested()) return false;
    const auto now = std::chrono::steady_clock::now();
    result.was_silent = options.silence.count() > 0 && now - heard > options.silence;
    if (result.was_silent) return false;
    struct pollfd fds[] = {
        {input.get(), POLLOUT, 0}, {output.get(), POLLIN, 0}, {error_output.get(), POLLIN, 0}};
    const int count_ready = ::poll(fds, 3, may_give_up ? kPollMilliseconds : -1);
    if (count_ready < 0) {
      if (errno == EINTR) continue;
      throw Error::sys("poll", "");
    }
    if (count_ready > 0) heard = now;
    if (input && fds[0].revents != 0) {
      const ssize_t count = ::write(input.get(), rest.data(), rest.size());
      if (count > 0) rest.remove_prefix(static_cast<std::size_t>(count));
      if (rest.empty() || (count < 0 && errno != EINTR && errno != EAGAIN)) input.reset();
    }
    drain(output, fds[1].revents, result.output);
    drain(error_output, fds[2].revents, result.error_output);
  }
  return true;
}

int wait_for_exit(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw Error::sys("waitpid", "");
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

ProcessResult run_process(const ProcessOptions& options) {
  const Prepared prepared = prepare(options);
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  Pipe report = make_pipe();
  const pid_t pid = ::fork();
  if (pid < 0) throw Error::sys("fork", "");
  if (pid == 0)
    child(prepared, in.read.get(), out.write.get(), err.write.get(), report.write.get());
  in.read.reset();
  out.write.reset();
  err.write.reset();
  report.write.reset();
  int exec_error = 0;
  const bool failed =
      ::read(report.read.get(), &exec_error, sizeof exec_error) == sizeof exec_error;
  ProcessResult result;
  if (!failed &&
      !converse(options, std::move(in.write), std::move(out.read), std::move(err.read), result)) {
    ::kill(-pid, SIGKILL);
  }
  result.exit_status = wait_for_exit(pid);
  if (failed) throw Error::sys("exec", prepared.program, exec_error);
  if (options.stop.stop_requested()) throw Error("canceled");
  return result;
}

BackgroundProcess::BackgroundProcess(const ProcessOptions& options) {
  const Prepared prepared = prepare(options);
  const UniqueFd null_device(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null_device) throw Error::sys("open", "/dev/null");
  Pipe report = make_pipe();
  pid_ = ::fork();
  if (pid_ < 0) throw Error::sys("fork", "");
  const int null_fd = null_device.get();
  if (pid_ == 0) child(prepared, null_fd, null_fd, null_fd, report.write.get());
  report.write.reset();
  int exec_error = 0;
  if (::read(report.read.get(), &exec_error, sizeof exec_error) == sizeof exec_error) {
    wait_for_exit(pid_);
    throw Error::sys("exec", prepared.program, exec_error);
  }
}

BackgroundProcess::~BackgroundProcess() {
  if (has_ended()) return;
  ::kill(pid_, SIGTERM);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool BackgroundProcess::has_ended() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ < 0;
}

std::string find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  const std::string_view folders = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  for (const std::string& folder : split(folders, ':')) {
    if (folder.empty()) continue;
    std::string candidate = folder + "/" + std::string(name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

}  // namespace bld::base
