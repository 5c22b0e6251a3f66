#include "cmd/renderer.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/byte_stream.h"
#include "base/error.h"
#include "cmd/render_plain.h"
#include "cmd/render_quiet.h"
#include "cmd/render_rawjson.h"
#include "cmd/render_steps.h"
#include "cmd/render_tty.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

namespace {

// Returns errno, or 0.
int write_fully(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

void Streams::out(std::string_view text) noexcept {
  if (out_error_ == 0) out_error_ = write_fully(out_, text);
}

void Streams::err(std::string_view text) noexcept { write_fully(err_, text); }

void Streams::check() const {
  if (out_error_ != 0) throw base::Error::sys("write", "standard output", out_error_);
}

Progress parse_progress(std::string_view text) {
  if (text == "auto") return Progress::kAuto;
  if (text == "tty") return Progress::kTty;
  if (text == "plain") return Progress::kPlain;
  if (text == "rawjson") return Progress::kRawJson;
  if (text == "quiet") return Progress::kQuiet;
  throw base::Error("invalid progress \"{}\": must be auto, tty, plain, rawjson or quiet", text);
}

Progress choose_progress(const std::string& flag, bool quiet) {
  if (quiet) return Progress::kQuiet;
  std::string text = flag;
  if (text.empty()) text = environment("BLD_PROGRESS");
  if (text.empty()) text = environment("BUILDKIT_PROGRESS");
  const Progress progress = text.empty() ? Progress::kAuto : parse_progress(text);
  if (progress != Progress::kAuto) return progress;
  const bool terminal = is_terminal(STDOUT_FILENO) && is_terminal(STDERR_FILENO);
  return terminal && environment("TERM") != "dumb" ? Progress::kTty : Progress::kSteps;
}

std::unique_ptr<Renderer> make_renderer(Progress progress, Streams& streams) {
  switch (progress) {
    case Progress::kTty:
      return std::make_unique<TtyRenderer>(streams, TtyOptions::from_environment(streams.err_fd()));
    case Progress::kPlain:
      return std::make_unique<PlainRenderer>(streams);
    case Progress::kRawJson:
      return std::make_unique<RawJsonRenderer>(streams);
    case Progress::kQuiet:
      return std::make_unique<QuietRenderer>(streams);
    case Progress::kAuto:
    case Progress::kSteps:
      break;
  }
  return std::make_unique<StepsRenderer>(streams);
}

}  // namespace bld::cmd
