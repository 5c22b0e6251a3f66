#include "cmd/render_plain.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cmd/human.h"
#include "cmd/render_error.h"

namespace bld::cmd {

void PlainRenderer::send(const base::Event& event) {
  const base::MutexLock lock(mutex_);
  std::visit([this](const auto& what) NO_THREAD_SAFETY_ANALYSIS { take(what); }, event);
}

void PlainRenderer::take(const base::StepPlanned& event) { steps_[event.step].planned = event; }

void PlainRenderer::take(const base::StepStarted& event) {
  Step& step = steps_[event.step];
  step.started = now_();
  announce(step);
}

void PlainRenderer::take(const base::StepLog& event) {
  Step& step = steps_[event.step];
  step.lines[event.is_stderr ? 1 : 0].add(event.bytes,
                                          [&](const std::string& line)
                                              NO_THREAD_SAFETY_ANALYSIS { write_log(step, line); });
}

void PlainRenderer::take(const base::StepFinished& event) {
  if (event.outcome == base::StepOutcome::kMetadata) return;
  Step& step = steps_[event.step];
  for (LineSplitter& lines : step.lines) {
    lines.finish([&](const std::string& line) NO_THREAD_SAFETY_ANALYSIS { write_log(step, line); });
  }
  if (!step.announced) announce(step);
  switch (event.outcome) {
    case base::StepOutcome::kCached:
      write(step, "CACHED");
      break;
    case base::StepOutcome::kFailed:
      write(step, "ERROR");
      break;
    case base::StepOutcome::kCanceled:
      write(step, "CANCELED");
      break;
    default:
      write(step, "DONE " + duration_text(event.duration));
  }
  streams_.err("\n");
  last_ = -1;
}

void PlainRenderer::take(const base::Transfer& event) {
  const std::string line = transfers_.line_for(event);
  if (!line.empty()) streams_.err(line);
}

void PlainRenderer::take(const base::Warning& event) { streams_.err(render_warning(event)); }

void PlainRenderer::take(const base::Note& event) {
  streams_.err(base::printable(event.text) + "\n");
}

void PlainRenderer::announce(Step& step) {
  step.announced = true;
  write(step, step_label(step.planned) + " " + instruction_line(step.planned));
}

// A line of another step than the one before begins with an empty line and the step's name.
void PlainRenderer::write(const Step& step, const std::string& text) {
  const base::StepId id = step.planned.step;
  if (last_ != id) {
    if (last_ >= 0) streams_.err("\n");
    const std::string name = step_label(step.planned) + " " + instruction_line(step.planned);
    if (text != name) streams_.err(fmt::format("#{} {}\n", id + 1, name));
    last_ = id;
  }
  streams_.err(fmt::format("#{} {}\n", id + 1, text));
}

void PlainRenderer::write_log(const Step& step, const std::string& line) {
  const double elapsed = std::chrono::duration<double>(now_() - step.started).count();
  write(step, fmt::format("{:.3f} {}", elapsed, line));
}

void PlainRenderer::finish(End) {
  const base::MutexLock lock(mutex_);
  for (auto& [id, step] : steps_) {
    for (LineSplitter& lines : step.lines) {
      lines.finish([&](const std::string& line)
                       NO_THREAD_SAFETY_ANALYSIS { write_log(step, line); });
    }
  }
}

}  // namespace bld::cmd
