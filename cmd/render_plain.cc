#include "cmd/render_plain.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cmd/human.h"
#include "cmd/render_error.h"

namespace bld::cmd {

namespace {

constexpr auto kTurn = std::chrono::seconds(2);

}  // namespace

void PlainRenderer::send(const base::Event& event) {
  const base::MutexLock lock(mutex_);
  std::visit([this](const auto& what) NO_THREAD_SAFETY_ANALYSIS { take(what); }, event);
}

void PlainRenderer::take(const base::StepPlanned& event) { steps_[event.step].planned = event; }

void PlainRenderer::take(const base::StepStarted& event) {
  Step& step = steps_[event.step];
  step.started = now_();
  write(step, "");
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
  step.finished = true;
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
  if (last_ == -1) show_waiting();
}

void PlainRenderer::take(const base::Transfer& event) {
  const std::string line = transfers_.line_for(event);
  if (!line.empty()) streams_.err(line);
}

void PlainRenderer::take(const base::Warning& event) {
  streams_.err(render_warning(event, ErrorStyle::of(streams_.err_fd())));
}

void PlainRenderer::take(const base::Note& event) {
  streams_.err(base::printable(event.text) + "\n");
}

// An empty text only announces the step.
void PlainRenderer::write(Step& step, const std::string& text) {
  if (!text.empty()) step.waiting.push_back(text);
  const bool others_turn = last_ >= 0 && last_ != step.planned.step;
  if (!others_turn || now_() - block_began_ > kTurn) show(step);
}

// A block begins with the step's name; an empty line ends it.
void PlainRenderer::show(Step& step) {
  const base::StepId id = step.planned.step;
  std::string text;
  if (last_ != id) {
    if (last_ >= 0) text += "\n";
    text += fmt::format("#{} {} {}\n", id + 1, step_label(step.planned),
                        instruction_line(step.planned));
    last_ = id;
    block_began_ = now_();
  }
  for (const std::string& line : step.waiting) text += fmt::format("#{} {}\n", id + 1, line);
  step.waiting.clear();
  if (step.finished) {
    text += "\n";
    last_ = -1;
  }
  streams_.err(text);
}

// Finished ones first, so that one that goes on keeps the output.
void PlainRenderer::show_waiting() {
  for (const bool finished : {true, false}) {
    for (auto& [id, step] : steps_) {
      if (step.finished == finished && !step.waiting.empty()) show(step);
    }
  }
}

void PlainRenderer::write_log(Step& step, const std::string& line) {
  const double elapsed = std::chrono::duration<double>(now_() - step.started).count();
  write(step, fmt::format("{:.3f} {}", elapsed, line));
}

void PlainRenderer::finish(End) {
  const base::MutexLock lock(mutex_);
  for (auto& entry : steps_) {
    Step& step = entry.second;
    for (LineSplitter& lines : step.lines) {
      lines.finish([&](const std::string& line)
                       NO_THREAD_SAFETY_ANALYSIS { write_log(step, line); });
    }
  }
  show_waiting();
}

}  // namespace bld::cmd
