// BuildKit's plain progress, on standard error.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "cmd/renderer.h"
#include "cmd/step_text.h"

namespace bld::cmd {

// Steps that run at the same time take turns: one keeps the output until it ends, or until others
// have waited for a while.
class PlainRenderer : public Renderer {
 public:
  using Clock = std::chrono::steady_clock;

  // `now` is replaced by tests.
  explicit PlainRenderer(Streams& streams, std::function<Clock::time_point()> now = Clock::now)
      : streams_(streams), now_(std::move(now)) {}

  void send(const base::Event& event) override EXCLUDES(mutex_);
  void finish(End end) override EXCLUDES(mutex_);

 private:
  struct Step {
    base::StepPlanned planned;
    bool finished = false;
    Clock::time_point started{};
    std::vector<std::string> waiting;  // lines for when its turn comes
    LineSplitter lines[2];             // of standard output and error
  };

  void take(const base::StepPlanned& event) REQUIRES(mutex_);
  void take(const base::StepStarted& event) REQUIRES(mutex_);
  void take(const base::StepLog& event) REQUIRES(mutex_);
  void take(const base::StepFinished& event) REQUIRES(mutex_);
  void take(const base::Transfer& event) REQUIRES(mutex_);
  void take(const base::Warning& event) REQUIRES(mutex_);
  void take(const base::Note& event) REQUIRES(mutex_);

  void write(Step& step, const std::string& text) REQUIRES(mutex_);
  void write_log(Step& step, const std::string& line) REQUIRES(mutex_);
  void show(Step& step) REQUIRES(mutex_);
  void show_waiting() REQUIRES(mutex_);

  base::Mutex mutex_;
  Streams& streams_ GUARDED_BY(mutex_);
  std::function<Clock::time_point()> now_;
  std::map<base::StepId, Step> steps_ GUARDED_BY(mutex_);
  base::StepId last_ GUARDED_BY(mutex_) = -1;  // whose block the output is in; -1: no one's
  Clock::time_point block_began_ GUARDED_BY(mutex_){};
  TransferLines transfers_ GUARDED_BY(mutex_);
};

}  // namespace bld::cmd
