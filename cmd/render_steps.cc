#include "cmd/render_steps.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cmd/human.h"
#include "cmd/render_error.h"

namespace bld::cmd {

void StepsRenderer::send(const base::Event& event) {
  const base::MutexLock lock(mutex_);
  std::visit([this](const auto& what) NO_THREAD_SAFETY_ANALYSIS { take(what); }, event);
}

StepsRenderer::Step* StepsRenderer::find(base::StepId id) {
  const auto found = steps_.find(id);
  return found == steps_.end() ? nullptr : &found->second;
}

void StepsRenderer::take(const base::StepPlanned& event) { steps_[event.step].planned = event; }

void StepsRenderer::take(const base::StepStarted& event) {
  if (Step* step = find(event.step)) step->started = true;
  advance();
}

void StepsRenderer::take(const base::StepLog& event) {
  Step* step = find(event.step);
  if (step == nullptr) return;
  step->started = true;
  advance();
  if (step->announced) {
    write_log(*step, event);
  } else {
    step->held_back.push_back(event);
  }
}

void StepsRenderer::take(const base::StepFinished& event) {
  Step* step = find(event.step);
  if (step == nullptr || step->finished) return;
  step->finished = true;
  step->outcome = event.outcome;
  step->result_id = event.result_id;
  step->duration = event.duration;
  step->usage = event.usage;
  advance();
}

void StepsRenderer::take(const base::Transfer& event) {
  const std::string line = transfers_.line_for(event);
  if (!line.empty()) streams_.err(line);
}

void StepsRenderer::take(const base::Warning& event) {
  streams_.err(render_warning(event, ErrorStyle::of(streams_.err_fd())));
}

void StepsRenderer::take(const base::Note& event) {
  streams_.err(base::printable(event.text) + "\n");
}

// Shows what is due: finished steps whole, then the first of the others as far as it is.
void StepsRenderer::advance() {
  for (auto it = steps_.lower_bound(current_); it != steps_.end(); ++it) {
    Step& step = it->second;
    current_ = it->first;
    if (!step.started && !step.finished) return;
    if (step.finished && (step.outcome == base::StepOutcome::kFailed ||
                          step.outcome == base::StepOutcome::kCanceled)) {
      if (step.started) announce(step);
      return;
    }
    announce(step);
    if (!step.finished) return;
    conclude(step);
    current_ = it->first + 1;
  }
}

void StepsRenderer::announce(Step& step) {
  if (step.announced) return;
  step.announced = true;
  const base::StepPlanned& planned = step.planned;
  std::string line;
  if (!planned.platform.empty()) line += fmt::format("[{}] ", planned.platform);
  if (planned.stage_count > 1)
    line += fmt::format("[{}/{}] ", planned.stage + 1, planned.stage_count);
  line += fmt::format("STEP {}/{}: {}\n", planned.number, planned.count, instruction_line(planned));
  streams_.out(line);
  for (const base::StepLog& log : step.held_back) write_log(step, log);
  step.held_back.clear();
}

void StepsRenderer::write_log(Step& step, const base::StepLog& log) {
  if (log.bytes.empty()) return;
  if (log.is_stderr) {
    streams_.err(log.bytes);
  } else {
    streams_.out(log.bytes);
    step.open_line = log.bytes.back() != '\n';
  }
}

void StepsRenderer::conclude(Step& step) {
  if (step.open_line) streams_.out("\n");
  step.open_line = false;
  if (lines_.results) tell_result(step);
  if (!lines_.usage) return;
  const base::StepUsage& usage = step.usage;
  lines_.usage(fmt::format("{}(system) {}(user) {}(elapsed) {} input {} output\n",
                           go_duration_text(usage.system_time), go_duration_text(usage.user_time),
                           go_duration_text(step.duration), go_size_text(usage.input_bytes),
                           go_size_text(usage.output_bytes)));
}

void StepsRenderer::tell_result(const Step& step) {
  const bool is_from = step.planned.number == 1;
  if (step.result_id.empty() || is_from) return;
  const bool is_cached = step.outcome == base::StepOutcome::kCached;
  if (!is_cached && step.outcome != base::StepOutcome::kDone) return;
  if (is_cached) streams_.out(fmt::format("--> Using cache {}\n", step.result_id));
  // The last step's result is the image, which is told when it has its name.
  const bool is_last = &step == &steps_.rbegin()->second;
  if (!is_last) streams_.out(fmt::format("--> {}\n", step.result_id.substr(0, 12)));
}

// After a failure, other steps may have begun; what they said is not lost.
void StepsRenderer::finish(End end) {
  const base::MutexLock lock(mutex_);
  if (end == End::kSuccess) return;
  for (auto& [id, step] : steps_) {
    if (step.started) announce(step);
    if (step.open_line) streams_.out("\n");
    step.open_line = false;
  }
}

}  // namespace bld::cmd
