// SIGINT, SIGTERM and SIGHUP as a request to stop.
//
// From construction on, the first signal requests the stop; the second ends the process at once, as
// does the first as long as nobody asked for the token. The store survives that.
// SIGPIPE is ignored: a broken pipe is an error of write. Made after the launcher was forked,
// which keeps its own signals, and before any other thread, all of which inherit the mask.
#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

#include "base/unique_fd.h"

namespace bld::cmd {

class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  std::stop_token token() {
    watched_ = true;
    return stop_.get_token();
  }

  int received() const { return received_; }  // 0: none

 private:
  void wait_for_signals();

  std::stop_source stop_;
  std::atomic<int> received_ = 0;
  std::atomic<bool> watched_ = false;
  base::UniqueFd signals_, ending_;
  std::thread thread_;
};

}  // namespace bld::cmd
