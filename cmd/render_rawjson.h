// Each event as one line of JSON on standard error, for programs.
#pragma once

#include "base/mutex.h"
#include "cmd/renderer.h"

namespace bld::cmd {

class RawJsonRenderer : public Renderer {
 public:
  explicit RawJsonRenderer(Streams& streams) : streams_(streams) {}

  void send(const base::Event& event) override EXCLUDES(mutex_);

  void finish(End) override {}

 private:
  base::Mutex mutex_;
  Streams& streams_ GUARDED_BY(mutex_);
};

}  // namespace bld::cmd
