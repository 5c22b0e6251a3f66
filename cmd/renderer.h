// Where events become text.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/events.h"

namespace bld::cmd {

// Two descriptors to write to, usually 1 and 2. Failures are kept until somebody asks: a sink must
// not throw.
class Streams {
 public:
  Streams(int out, int err) : out_(out), err_(err) {}

  void out(std::string_view text) noexcept;
  void err(std::string_view text) noexcept;

  int err_fd() const { return err_; }

  // Throws if something did not get through to `out`.
  void check() const;

 private:
  int out_, err_;
  int out_error_ = 0;  // errno
};

class Renderer : public base::EventSink {
 public:
  // No event comes any more: what was held back is shown. For a failure also what helps to
  // understand it.
  enum class End { kSuccess, kFailure };
  virtual void finish(End end) = 0;
};

enum class Progress { kAuto, kSteps, kTty, kPlain, kRawJson, kQuiet };

// "auto", "tty", "plain", "rawjson", "quiet"; throws for anything else.
Progress parse_progress(std::string_view text);

// What the flag says, else BLD_PROGRESS, else BUILDKIT_PROGRESS, else kAuto; where both outputs are
// terminals kAuto becomes kTty, otherwise Buildah's lines (kSteps).
Progress choose_progress(const std::string& flag, bool quiet);

std::unique_ptr<Renderer> make_renderer(Progress progress, Streams& streams);

}  // namespace bld::cmd
