#include "cmd/render_tty.h"

#include <gtest/gtest.h>

#include "capture.h"

namespace bld::cmd {
namespace {

using base::StepOutcome;

const TtyOptions kPlainly{.color = false, .log_lines = 2, .size_fd = -1, .ticks = false};

TEST(RenderTty, DrawsRunningStepsAndErasesThemAgain) {
  test::Outputs to;
  TtyRenderer renderer(to.streams, kPlainly);
  renderer.send(test::planned(0, 1, 1, "RUN make"));
  renderer.send(base::StepStarted{0});
  renderer.send(base::StepLog{0, false, "one\ntwo\n\x1b[31mthree\x1b[0m\n"});
  renderer.draw();
  const std::string drawn = to.err.text();
  EXPECT_NE(drawn.find(" > [1/1] RUN make"), std::string::npos);
  EXPECT_EQ(drawn.find("one"), std::string::npos) << "only the last two lines";
  EXPECT_NE(drawn.find("     two\n     three\n"), std::string::npos);
  renderer.send(test::finished(0, StepOutcome::kDone));
  renderer.finish(Renderer::End::kSuccess);
  const std::string rest = to.err.text().substr(drawn.size());
  EXPECT_TRUE(rest.starts_with("\x1b[4A\r\x1b[J=> [1/1] RUN make")) << rest;
  EXPECT_TRUE(rest.ends_with("0.2s\n"));
}

TEST(RenderTty, NoLineIsWiderThanTheTerminal) {
  test::Outputs to;
  TtyRenderer renderer(to.streams, kPlainly);
  renderer.send(test::planned(0, 1, 1, "RUN " + std::string(500, 'x')));
  renderer.send(base::StepStarted{0});
  renderer.send(base::StepLog{0, false, std::string(500, 'y') + "\n"});
  renderer.draw();
  std::size_t begin = 0;
  const std::string text = to.err.text();
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    EXPECT_LT(end - begin, 80U);
  }
}

TEST(RenderTty, AFailureRepeatsTheLastLinesOnce) {
  test::Outputs to;
  TtyRenderer renderer(to.streams, kPlainly);
  renderer.send(test::planned(0, 1, 1, "RUN false"));
  renderer.send(base::StepStarted{0});
  renderer.send(base::StepLog{0, true, "why\nit failed"});
  renderer.send(test::finished(0, StepOutcome::kFailed));
  renderer.finish(Renderer::End::kFailure);
  renderer.finish(Renderer::End::kFailure);
  const std::string text = to.err.text();
  EXPECT_TRUE(text.starts_with("=> ERROR [1/1] RUN false"));
  EXPECT_TRUE(text.ends_with("     why\n     it failed\n"));
}

}  // namespace
}  // namespace bld::cmd
