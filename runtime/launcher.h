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
  std::uint64_t input_bytes = 0, output_bytes = 0;  // that went to or came from disks
};

// What holds the commands in.
enum class Confinement {
  kContainer,  // namespaces and all that ContainerSpec says
  kChroot,     // see Launcher
};

// What a step needs of the runtime: the seam for tests.
class ContainerRunner {
 public:
  virtual ~ContainerRunner() = default;

  // Any thread, several at once. Blocks until the first process ended and with it everything in the
  // container. A non-zero exit is a value. Failed setup is an Error that names the call
  // ("pivot_root: invalid argument"); a command that cannot be executed is one with exit_status 127
  // (not found) or 126. A stop request sends SIGTERM, and SIGKILL half a second
  // later.
  virtual Exit run(const ContainerSpec& spec, std::stop_token stop) = 0;

  virtual Confinement confinement() const { return Confinement::kContainer; }
};

// The single-threaded process that forks containers. It ends with us, and its containers with it.
//
// With Confinement::kChroot it makes no namespace and no mount: the root is a PlainRoot, there are
// no mounts, and the network, the process ids, the host name and the System V objects are those
// around us. What was asked for and cannot be had is an Error; the capabilities are those of the
// default that we have, without SYS_CHROOT, by which a command could get out. Our own filter of
// system calls is only in force with no_new_privileges, else the one around us. Everything that the
// command left behind is killed when it ends.
class Launcher : public ContainerRunner {
 public:
  // Forks the process: before our first thread and after enter_namespaces().
  static std::unique_ptr<Launcher> start(Confinement confinement = Confinement::kContainer);
  ~Launcher() override;
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  Exit run(const ContainerSpec& spec, std::stop_token stop) override;
  Confinement confinement() const override;

  int pid() const;

 private:
  class Run;
  struct State;
  explicit Launcher(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace bld::runtime
