#include "cmd/render_tty.h"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "cmd/columns.h"
#include "cmd/human.h"
#include "cmd/render_error.h"

namespace bld::cmd {

namespace {

constexpr auto kTick = std::chrono::milliseconds(100);

constexpr const char* kGreen = "32";
constexpr const char* kRed = "31";
constexpr const char* kCyan = "36";
constexpr const char* kDim = "2";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The front of `text`, at most so many columns, an ellipsis included.
std::string fitted(const std::string& text, std::size_t columns) {
  if (columns_of(text) <= columns) return text;
  if (columns < 4) return {};
  return std::string(front_columns(text, columns - 3)) + "...";
}

// `left` and `right` at the two ends of a line.
std::string justified(const std::string& left, const std::string& right, std::size_t columns) {
  const std::size_t room = columns > right.size() + 1 ? columns - right.size() - 1 : 0;
  std::string text = fitted(left, room);
  text.append(room - std::min(room, columns_of(text)) + 1, ' ');
  return text + right;
}

}  // namespace

TtyOptions TtyOptions::from_environment(int terminal) {
  TtyOptions options;
  options.size_fd = terminal;
  options.color = wants_color(terminal);
  if (const auto lines = base::parse_unsigned(environment("BUILDKIT_TTY_LOG_LINES"))) {
    options.log_lines = std::min<std::size_t>(*lines, LastLines::kMost);
  }
  return options;
}

TtyRenderer::TtyRenderer(Streams& streams, const TtyOptions& options)
    : options_(options), streams_(streams) {
  if (options.ticks) thread_ = std::thread([this] { tick(); });
}

TtyRenderer::~TtyRenderer() {
  {
    const base::MutexLock lock(mutex_);
    ending_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void TtyRenderer::tick() {
  const base::MutexLock lock(mutex_);
  while (!ending_) {
    wake_.wait_for(mutex_, kTick);
    if (!ending_ && !finished_) redraw();
  }
}

void TtyRenderer::send(const base::Event& event) {
  const base::MutexLock lock(mutex_);
  std::visit([this](const auto& what) NO_THREAD_SAFETY_ANALYSIS { take(what); }, event);
}

void TtyRenderer::take(const base::StepPlanned& event) { steps_[event.step].planned = event; }

void TtyRenderer::take(const base::StepStarted& event) {
  Step& step = steps_[event.step];
  step.running = true;
  step.started = Clock::now();
}

void TtyRenderer::take(const base::StepLog& event) { steps_[event.step].log.add(event.bytes); }

void TtyRenderer::take(const base::StepFinished& event) {
  Step& step = steps_[event.step];
  step.running = false;
  ++done_;
  if (event.outcome == base::StepOutcome::kMetadata) return;
  const Size size = terminal_size();
  const std::string name = step_label(step.planned) + " " + instruction_line(step.planned);
  const auto line = [&](const char* color, const std::string& word, const std::string& right)
                        NO_THREAD_SAFETY_ANALYSIS {
                          const std::string left = "=> " + (word.empty() ? "" : word + " ") + name;
                          above_ += painted(color, justified(left, right, size.columns - 1)) + "\n";
                        };
  switch (event.outcome) {
    case base::StepOutcome::kCached:
      line(kCyan, "CACHED", "");
      break;
    case base::StepOutcome::kFailed:
      step.failed = true;
      line(kRed, "ERROR", duration_text(event.duration));
      break;
    case base::StepOutcome::kCanceled:
      line(kDim, "CANCELED", "");
      break;
    default:
      line(kGreen, "", duration_text(event.duration));
      step.log.clear();
  }
}

void TtyRenderer::take(const base::Transfer& event) {
  if (event.done) {
    transfers_.erase(event.id);
  } else {
    transfers_[event.id] = event;
  }
}

void TtyRenderer::take(const base::Warning& event) {
  above_ += render_warning(event, {.color = options_.color});
}

void TtyRenderer::take(const base::Note& event) { above_ += base::printable(event.text) + "\n"; }

std::string TtyRenderer::painted(const char* code, const std::string& text) const {
  return options_.color ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

TtyRenderer::Size TtyRenderer::terminal_size() const {
  Size size;
  struct winsize window = {};
  if (options_.size_fd >= 0 && ::ioctl(options_.size_fd, TIOCGWINSZ, &window) == 0) {
    if (window.ws_col > 0) size.columns = window.ws_col;
    if (window.ws_row > 0) size.rows = window.ws_row;
  }
  size.columns = std::max<std::size_t>(size.columns, 20);
  return size;
}

std::vector<std::string> TtyRenderer::live_lines(const Size& size) {
  std::vector<std::string> lines;
  const auto now = Clock::now();
  const std::size_t width = size.columns - 1;
  std::size_t running = 0;
  for (const auto& [id, step] : steps_) running += step.running ? 1 : 0;
  lines.push_back(justified(fmt::format("[+] {}/{} steps", done_, steps_.size()),
                            duration_text(now - begin_), width));
  // With many at a time, each gets fewer lines of its log, so that all fit the screen.
  const std::size_t room = size.rows > running + 3 ? size.rows - running - 3 : 0;
  const std::size_t each = running > 0 ? std::min(options_.log_lines, room / running) : 0;
  for (const auto& [id, step] : steps_) {
    if (!step.running) continue;
    lines.push_back(
        justified(" > " + step_label(step.planned) + " " + instruction_line(step.planned),
                  duration_text(now - step.started), width));
    const auto& log = step.log.lines();
    for (std::size_t i = log.size() - std::min(each, log.size()); i < log.size(); ++i) {
      lines.push_back(fitted("     " + log[i], width));
    }
  }
  for (const auto& [id, transfer] : transfers_) {
    std::string amount = size_text(transfer.bytes);
    if (transfer.total) amount += " / " + size_text(*transfer.total);
    lines.push_back(
        justified("   " + base::printable(transfer.action + " " + transfer.id), amount, width));
  }
  if (lines.size() >= size.rows) lines.resize(std::max<std::size_t>(size.rows, 2) - 1);
  return lines;
}

// A terminal that became narrower has broken the lines of the last drawing into several.
std::string TtyRenderer::erase_last(const Size& size) {
  std::size_t rows = 0;
  for (const std::size_t columns : drawn_) {
    rows += std::max<std::size_t>(1, (columns + size.columns - 1) / size.columns);
  }
  drawn_.clear();
  return rows == 0 ? "" : fmt::format("\x1b[{}A\r\x1b[J", rows);
}

void TtyRenderer::redraw() {
  const Size size = terminal_size();
  std::string text = erase_last(size) + above_;
  above_.clear();
  for (const std::string& line : live_lines(size)) {
    drawn_.push_back(columns_of(line));
    text += (line.starts_with("     ") ? painted(kDim, line) : line) + "\n";
  }
  streams_.err(text);
}

void TtyRenderer::draw() {
  const base::MutexLock lock(mutex_);
  redraw();
}

void TtyRenderer::finish(End end) {
  const base::MutexLock lock(mutex_);
  if (finished_) return;
  finished_ = true;
  std::string text = erase_last(terminal_size()) + above_;
  above_.clear();
  if (end == End::kFailure) {
    for (auto& entry : steps_) {
      Step& step = entry.second;
      if (!step.failed) continue;
      step.log.finish();
      for (const std::string& line : step.log.lines()) text += "     " + line + "\n";
    }
  }
  streams_.err(text);
}

}  // namespace bld::cmd
