// What a command prints, on its way to whoever watches.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace bld::builder {

// The bytes of a command's outputs, in order for each of the two; called by one thread.
using OutputReceiver = std::function<void(bool is_stderr, std::string bytes)>;

// Two pipes and the thread that reads them, with bounded memory, until finish(): then what is in
// them is taken without waiting for others that still hold them open.
class OutputPump {
 public:
  explicit OutputPump(OutputReceiver receive);
  ~OutputPump();
  OutputPump(const OutputPump&) = delete;
  OutputPump& operator=(const OutputPump&) = delete;

  // For the command; valid until finish().
  int out() const { return out_.write.get(); }

  int err() const { return err_.write.get(); }

  void finish();

 private:
  bool take(int fd, bool is_stderr);
  void pump();

  OutputReceiver receive_;
  base::Pipe out_, err_, end_;
  std::thread thread_;  // last: it uses the pipes
};

}  // namespace bld::builder
