// Runs other people's programs: newuidmap, git, cpp, credential helpers. Never a shell.
#pragma once

#include <chrono>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace bld::base {

struct ProcessOptions {
  std::vector<std::string> args;  // args[0] is looked up in our PATH unless it holds a '/'
  std::vector<std::string> env;   // "NAME=value"; the whole environment
  bool inherit_env = true;        // our environment first, then `env`
  std::string directory;          // empty: ours
  std::string input;              // its standard input
  int kept_fd = -1;               // open in it, too, under the same number; -1: none
  std::size_t output_limit_bytes = 16 << 20;
  // When it is asked for, the program is killed with what it started, and the call throws.
  std::stop_token stop = {};
  std::chrono::seconds silence{0};  // killed as well when it writes nothing for so long; 0: never
};

struct ProcessResult {
  int exit_status = 0;      // 128 + signal when one ended it
  bool was_silent = false;  // that was us: see ProcessOptions::silence
  std::string output, error_output;
};

// Blocks until it ended; it dies with the calling thread. A non-zero exit is a value; a program
// that cannot be started is an Error. Only 0, 1 and 2 are open in it, and
// `kept_fd`.
ProcessResult run_process(const ProcessOptions& options);

// A program that runs besides us until this is destroyed (by SIGTERM, and waited for), or until the
// thread that started it ends. It reads and writes nothing: 0, 1 and 2 are /dev/null.
class BackgroundProcess {
 public:
  // `input` and `output_limit_bytes` of the options mean nothing.
  explicit BackgroundProcess(const ProcessOptions& options);
  ~BackgroundProcess();
  BackgroundProcess(const BackgroundProcess&) = delete;
  BackgroundProcess& operator=(const BackgroundProcess&) = delete;

  bool has_ended();

 private:
  int pid_ = -1;
};

// The path of a program in PATH, or empty.
std::string find_program(std::string_view name);

}  // namespace bld::base
