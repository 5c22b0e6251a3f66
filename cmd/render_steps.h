// Buildah's lines, for where the output is no terminal and scripts read it.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "cmd/renderer.h"
#include "cmd/step_text.h"

namespace bld::cmd {

// What is told of a step besides its instruction and what its command says.
struct StepLines {
  bool results = true;  // "--> ID"
  // Gets a line for each step: what it took.
  std::function<void(std::string_view line)> usage = nullptr;
};

// Steps appear in the order of the plan, each with all of its lines together: the first one that is
// not finished is shown live, what later ones say waits.
class StepsRenderer : public Renderer {
 public:
  explicit StepsRenderer(Streams& streams, StepLines lines = {})
      : streams_(streams), lines_(std::move(lines)) {}

  void send(const base::Event& event) override EXCLUDES(mutex_);
  void finish(End end) override EXCLUDES(mutex_);

 private:
  struct Step {
    base::StepPlanned planned;
    bool started = false, announced = false, finished = false;
    bool open_line = false;  // its last byte on standard output was no end of line
    base::StepOutcome outcome = base::StepOutcome::kDone;
    std::string result_id;
    std::chrono::nanoseconds duration{};
    base::StepUsage usage;
    std::vector<base::StepLog> held_back;
  };

  void take(const base::StepPlanned& event) REQUIRES(mutex_);
  void take(const base::StepStarted& event) REQUIRES(mutex_);
  void take(const base::StepLog& event) REQUIRES(mutex_);
  void take(const base::StepFinished& event) REQUIRES(mutex_);
  void take(const base::Transfer& event) REQUIRES(mutex_);
  void take(const base::Warning& event) REQUIRES(mutex_);
  void take(const base::Note& event) REQUIRES(mutex_);

  Step* find(base::StepId id) REQUIRES(mutex_);
  void advance() REQUIRES(mutex_);
  void announce(Step& step) REQUIRES(mutex_);
  void write_log(Step& step, const base::StepLog& log) REQUIRES(mutex_);
  void conclude(Step& step) REQUIRES(mutex_);
  void tell_result(const Step& step) REQUIRES(mutex_);

  base::Mutex mutex_;
  Streams& streams_ GUARDED_BY(mutex_);
  const StepLines lines_;
  std::map<base::StepId, Step> steps_ GUARDED_BY(mutex_);
  base::StepId current_ GUARDED_BY(mutex_) = 0;
  TransferLines transfers_ GUARDED_BY(mutex_);
};

}  // namespace bld::cmd
