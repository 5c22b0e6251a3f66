#include "cmd/render_quiet.h"

#include "cmd/render_error.h"

namespace bld::cmd {

void QuietRenderer::send(const base::Event& event) {
  const base::MutexLock lock(mutex_);
  if (const auto* warning = std::get_if<base::Warning>(&event)) {
    if (warning->rule.empty())
      streams_.err(render_warning(*warning, ErrorStyle::of(streams_.err_fd())));
  } else if (const auto* log = std::get_if<base::StepLog>(&event)) {
    logs_[log->step].add(log->bytes);
  } else if (const auto* finished = std::get_if<base::StepFinished>(&event)) {
    if (finished->outcome == base::StepOutcome::kFailed) {
      if (!failed_) failed_ = finished->step;
    } else {
      logs_.erase(finished->step);
    }
  }
}

void QuietRenderer::finish(End end) {
  const base::MutexLock lock(mutex_);
  if (end == End::kSuccess || !failed_) return;
  LastLines& log = logs_[*failed_];
  log.finish();
  std::string text;
  for (const std::string& line : log.lines()) text += line + "\n";
  streams_.err(text);
}

}  // namespace bld::cmd
