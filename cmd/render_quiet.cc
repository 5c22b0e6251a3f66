#include "cmd/render_quiet.h"

#include "cmd/render_error.h"

namespace bld::cmd {

namespace {

constexpr std::size_t kKeptBytes = 16 << 10;  // of each step

}  // namespace

void QuietRenderer::send(const base::Event& event) {
  const base::MutexLock lock(mutex_);
  if (const auto* warning = std::get_if<base::Warning>(&event)) {
    if (warning->rule.empty())
      streams_.err(render_warning(*warning, ErrorStyle::of(streams_.err_fd())));
  } else if (const auto* log = std::get_if<base::StepLog>(&event)) {
    std::string& kept = logs_[log->step];
    kept += log->bytes;
    if (kept.size() > 2 * kKeptBytes) kept.erase(0, kept.size() - kKeptBytes);
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
  std::string& kept = logs_[*failed_];
  if (kept.size() > kKeptBytes) kept.erase(0, kept.size() - kKeptBytes);
  if (!kept.empty() && kept.back() != '\n') kept += '\n';
  streams_.err(kept);
}

}  // namespace bld::cmd
