// What a command prints, on its way to whoever watches.
#pragma once

#include <functional>
#include <string>

#include "base/unique_fd.h"

namespace bld::runtime {

// The bytes of a command's outputs, in order for each of the two; called by the reading thread.
using OutputReceiver = std::function<void(bool is_stderr, std::string bytes)>;

// Two pipes, read with bounded memory by whoever waits for the command. One thread.
class OutputPipes {
 public:
  explicit OutputPipes(OutputReceiver receive);

  // For the command; valid until finish().
  int out() const { return out_.write.get(); }

  int err() const { return err_.write.get(); }

  // Hands on what comes until there is something to read from `fd`, or it is closed.
  void read_until_ready(int fd);

  // The command has ended: hands on what is in the pipes, without waiting for others that still
  // hold them open.
  void finish();

 private:
  bool take(bool is_stderr);

  OutputReceiver receive_;
  base::Pipe out_, err_;
};

}  // namespace bld::runtime
