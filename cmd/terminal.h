// The user's side of a container's terminal (`bld run -t`).
#pragma once

#include <termios.h>

#include <optional>
#include <thread>

#include "base/unique_fd.h"

namespace bld::cmd {

// Copies our standard input to the container's terminal and what comes from there to our standard
// output, in a thread of its own. Our own terminal, if we have one, is raw for as long: Ctrl-C is
// the container's. Its size is handed on.
class Terminal {
 public:
  Terminal();
  // Waits until all output was copied; the container has ended. Our terminal is as before.
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // For runtime::ContainerSpec.
  int socket() const { return theirs_.get(); }

  // Whether standard input, output and error all are terminals.
  static bool is_here();

 private:
  void copy();
  void make_raw();

  base::UniqueFd ours_, theirs_;
  std::optional<termios> before_;
  std::thread thread_;
};

}  // namespace bld::cmd
