#include "cmd/render_plain.h"

#include <gtest/gtest.h>

#include "capture.h"

namespace bld::cmd {
namespace {

using base::StepOutcome;
using test::finished;
using test::planned;

TEST(RenderPlain, LooksLikeBuildKit) {
  test::Outputs to;
  PlainRenderer::Clock::time_point now{};
  PlainRenderer renderer(to.streams, [&now] { return now; });
  renderer.send(planned(0, 1, 2, "FROM x", 0, 1, "build"));
  renderer.send(planned(1, 2, 2, "RUN echo hi", 0, 1, "build"));
  renderer.send(finished(0, StepOutcome::kCached));
  renderer.send(base::StepStarted{1});
  now += std::chrono::milliseconds(206);
  renderer.send(base::StepLog{1, false, "hi\nno "});
  renderer.send(base::StepLog{1, false, "end"});
  renderer.send(finished(1, StepOutcome::kDone));
  renderer.finish(Renderer::End::kSuccess);
  EXPECT_EQ(to.out.text(), "");
  EXPECT_EQ(to.err.text(),
            "#1 [build 1/2] FROM x\n#1 CACHED\n\n"
            "#2 [build 2/2] RUN echo hi\n#2 0.206 hi\n#2 0.206 no end\n#2 DONE 0.2s\n\n");
}

TEST(RenderPlain, StepsTakeTurns) {
  test::Outputs to;
  PlainRenderer::Clock::time_point now{};
  PlainRenderer renderer(to.streams, [&now] { return now; });
  renderer.send(planned(0, 1, 1, "RUN a", 0, 2));
  renderer.send(planned(1, 1, 1, "RUN b", 1, 2));
  renderer.send(base::StepStarted{0});
  renderer.send(base::StepStarted{1});
  renderer.send(base::StepLog{1, false, "b1\n"});
  renderer.send(base::StepLog{0, false, "a1\n"});
  std::string wanted = "#1 [stage-0 1/1] RUN a\n#1 0.000 a1\n";
  EXPECT_EQ(to.err.text(), wanted);
  now += std::chrono::seconds(3);
  renderer.send(base::StepLog{1, false, "b2\n"});
  wanted += "\n#2 [stage-1 1/1] RUN b\n#2 0.000 b1\n#2 3.000 b2\n";
  EXPECT_EQ(to.err.text(), wanted) << "it has waited long enough";
  renderer.send(finished(0, StepOutcome::kDone));
  EXPECT_EQ(to.err.text(), wanted);
  renderer.send(finished(1, StepOutcome::kDone));
  wanted += "#2 DONE 0.2s\n\n#1 [stage-0 1/1] RUN a\n#1 DONE 0.2s\n\n";
  EXPECT_EQ(to.err.text(), wanted);
}

}  // namespace
}  // namespace bld::cmd
