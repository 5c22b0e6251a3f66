// A live view on a terminal: finished steps above, a line for each running step below, with the
// last lines of what it says.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "cmd/renderer.h"
#include "cmd/step_text.h"

namespace bld::cmd {

struct TtyOptions {
  bool color = true;
  std::size_t log_lines = 6;  // of a running step
  int size_fd = -1;           // the terminal to ask for its size; -1: 80 by 24
  bool ticks = true;          // redraw by a thread of our own

  // NO_COLOR, CLICOLOR_FORCE, TERM, BUILDKIT_TTY_LOG_LINES.
  static TtyOptions from_environment(int terminal);
};

// The cursor is never hidden and no mode is changed, so there is nothing to restore, however the
// process ends: what was drawn simply stays.
class TtyRenderer : public Renderer {
 public:
  using Clock = std::chrono::steady_clock;

  TtyRenderer(Streams& streams, const TtyOptions& options);
  ~TtyRenderer() override;

  void send(const base::Event& event) override EXCLUDES(mutex_);
  void finish(End end) override EXCLUDES(mutex_);

  void draw() EXCLUDES(mutex_);  // what the thread does; for tests

 private:
  struct Step {
    base::StepPlanned planned;
    bool running = false, failed = false;
    Clock::time_point started{};
    LastLines log;
  };

  struct Size {
    std::size_t columns = 80, rows = 24;
  };

  void take(const base::StepPlanned& event) REQUIRES(mutex_);
  void take(const base::StepStarted& event) REQUIRES(mutex_);
  void take(const base::StepLog& event) REQUIRES(mutex_);
  void take(const base::StepFinished& event) REQUIRES(mutex_);
  void take(const base::Transfer& event) REQUIRES(mutex_);
  void take(const base::Warning& event) REQUIRES(mutex_);
  void take(const base::Note& event) REQUIRES(mutex_);

  void tick() EXCLUDES(mutex_);
  void redraw() REQUIRES(mutex_);
  std::vector<std::string> live_lines(const Size& size) REQUIRES(mutex_);
  std::string erase_last(const Size& size) REQUIRES(mutex_);
  std::string painted(const char* code, const std::string& text) const;
  Size terminal_size() const;

  const TtyOptions options_;
  base::Mutex mutex_;
  base::CondVar wake_;
  Streams& streams_ GUARDED_BY(mutex_);
  std::map<base::StepId, Step> steps_ GUARDED_BY(mutex_);
  std::map<std::string, base::Transfer> transfers_ GUARDED_BY(mutex_);
  std::string above_ GUARDED_BY(mutex_);               // lines that are final and not yet written
  std::vector<std::size_t> drawn_ GUARDED_BY(mutex_);  // columns of each live line on the screen
  int done_ GUARDED_BY(mutex_) = 0;
  bool ending_ GUARDED_BY(mutex_) = false;
  bool finished_ GUARDED_BY(mutex_) = false;
  const Clock::time_point begin_ = Clock::now();
  std::thread thread_;  // last: uses all of the above
};

}  // namespace bld::cmd
