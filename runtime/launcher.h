// Starts containers: the process that forks them, and how they end.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>

#include "runtime/container_spec.h"

namespace bld::runtime {

// How the first process of a container ended.
struct Exit {
  int status = 0;  // its exit status, or 128 + the signal
  bool signaled = false;
  bool oom_killed = false;
  bool stopped = false;  // the stop_token asked for it
  std::chrono::microseconds user_time{}, system_time{};
  std::uint64_t max_rss_bytes = 0;
};

// What a step needs of the runtime: the seam for tests.
class ContainerRunner {
 public:
  virtual ~ContainerRunner() = default;

  // Any thread, several at once. Blocks until the first process ended and with it everything in the
  // container. A non-zero exit is a value. Failed setup is an Error that names the call
  // ("pivot_root: Invalid argument"); a command that cannot be executed is one with exit_status 127
  // (not found) or 126. A stop request sends SIGTERM, and SIGKILL half a second
  // later.
  virtual Exit run(const ContainerSpec& spec, std::stop_token stop) = 0;
};

// The single-threaded process that forks containers. It ends with us, and its containers with it.
class Launcher : public ContainerRunner {
 public:
  // Forks the process: before our first thread and after enter_namespaces().
  static std::unique_ptr<Launcher> start();
  ~Launcher() override;
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  Exit run(const ContainerSpec& spec, std::stop_token stop) override;

  int pid() const;

 private:
  struct State;
  explicit Launcher(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace bld::runtime
