#include "cmd/render_quiet.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "capture.h"

namespace bld::cmd {
namespace {

TEST(RenderQuiet, SaysNothingOfWhatGoesWell) {
  test::Outputs to;
  QuietRenderer renderer(to.streams);
  renderer.send(test::planned(0, 1, 1, "RUN a"));
  renderer.send(base::StepLog{0, false, "said\n"});
  renderer.send(test::finished(0, base::StepOutcome::kDone));
  renderer.finish(Renderer::End::kSuccess);
  EXPECT_EQ(to.out.text() + to.err.text(), "");
}

TEST(RenderQuiet, TellsWhatTheFailedStepSaid) {
  test::Outputs to;
  QuietRenderer renderer(to.streams);
  renderer.send(base::StepLog{0, false, "other\n"});
  renderer.send(base::StepLog{1, true, "why"});
  renderer.send(test::finished(1, base::StepOutcome::kFailed));
  renderer.send(test::finished(0, base::StepOutcome::kCanceled));
  renderer.finish(Renderer::End::kFailure);
  EXPECT_EQ(to.err.text(), "why\n");
}

TEST(RenderQuiet, OfALongOutputTheLastTwentyLinesAreTold) {
  test::Outputs to;
  QuietRenderer renderer(to.streams);
  std::string expected;
  for (int i = 1; i <= 100; ++i) {
    const std::string line = fmt::format("line {}\n", i);
    renderer.send(base::StepLog{0, i % 2 == 0, "\x1b[31m" + line});
    if (i > 80) expected += line;
  }
  renderer.send(test::finished(0, base::StepOutcome::kFailed));
  renderer.finish(Renderer::End::kFailure);
  EXPECT_EQ(to.err.text(), expected);
}

}  // namespace
}  // namespace bld::cmd
