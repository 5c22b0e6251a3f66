// Nothing but warnings; after a failure also the last lines of what the failed step said.
#pragma once

#include <map>
#include <optional>

#include "base/mutex.h"
#include "cmd/renderer.h"
#include "cmd/step_text.h"

namespace bld::cmd {

class QuietRenderer : public Renderer {
 public:
  explicit QuietRenderer(Streams& streams) : streams_(streams) {}

  void send(const base::Event& event) override EXCLUDES(mutex_);
  void finish(End end) override EXCLUDES(mutex_);

 private:
  base::Mutex mutex_;
  Streams& streams_ GUARDED_BY(mutex_);
  std::map<base::StepId, LastLines> logs_ GUARDED_BY(mutex_);  // of running steps
  std::optional<base::StepId> failed_ GUARDED_BY(mutex_);
};

}  // namespace bld::cmd
