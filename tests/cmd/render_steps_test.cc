#include "cmd/render_steps.h"

#include <gtest/gtest.h>

#include "capture.h"

namespace bld::cmd {
namespace {

using base::StepOutcome;
using test::finished;
using test::Outputs;
using test::planned;

const std::string kId(64, 'a');
const std::string kShort = kId.substr(0, 12);

TEST(RenderSteps, LooksLikeBuildah) {
  Outputs to;
  StepsRenderer renderer(to.streams);
  renderer.send(planned(0, 1, 4, "FROM x"));
  renderer.send(planned(1, 2, 4, "RUN echo hi"));
  renderer.send(planned(2, 3, 4, "ENV A=1"));
  renderer.send(planned(3, 4, 4, "RUN true"));
  renderer.send(finished(2, StepOutcome::kMetadata));
  renderer.send(finished(0, StepOutcome::kDone, kId));
  renderer.send(base::StepStarted{1});
  renderer.send(base::StepLog{1, false, "hi\n"});
  renderer.send(base::StepLog{1, true, "warn\n"});
  renderer.send(finished(1, StepOutcome::kDone, kId));
  renderer.send(finished(3, StepOutcome::kCached, kId));
  renderer.finish(Renderer::End::kSuccess);
  EXPECT_EQ(to.out.text(),
            "STEP 1/4: FROM x\n"
            "STEP 2/4: RUN echo hi\n"
            "hi\n"
            "--> " +
                kShort +
                "\n"
                "STEP 3/4: ENV A=1\n"
                "STEP 4/4: RUN true\n"
                "--> Using cache " +
                kId + "\n");
  EXPECT_EQ(to.err.text(), "warn\n");
}

TEST(RenderSteps, TellsWhatIsWanted) {
  Outputs to;
  std::string usage;
  StepsRenderer renderer(
      to.streams, {.results = false, .usage = [&](std::string_view line) { usage += line; }});
  renderer.send(planned(0, 1, 2, "FROM x"));
  renderer.send(planned(1, 2, 2, "RUN true"));
  renderer.send(finished(0, StepOutcome::kDone, kId));
  base::StepFinished done{1, StepOutcome::kDone, std::chrono::milliseconds(61'250), kId};
  done.usage = {std::chrono::microseconds(1400), std::chrono::seconds(2), 512, 1'234'567};
  renderer.send(done);
  EXPECT_EQ(to.out.text(), "STEP 1/2: FROM x\nSTEP 2/2: RUN true\n");
  EXPECT_EQ(usage,
            "0s(system) 0s(user) 200ms(elapsed) 0B input 0B output\n"
            "1ms(system) 2s(user) 1m1.25s(elapsed) 512B input 1.235MB output\n");
}

TEST(RenderSteps, ParallelStagesKeepTheirLinesTogether) {
  Outputs to;
  StepsRenderer renderer(to.streams);
  renderer.send(planned(0, 1, 2, "FROM a", 0, 2));
  renderer.send(planned(1, 2, 2, "RUN one", 0, 2));
  renderer.send(planned(2, 1, 2, "FROM b", 1, 2));
  renderer.send(planned(3, 2, 2, "RUN two", 1, 2));
  renderer.send(finished(0, StepOutcome::kDone, kId));
  renderer.send(finished(2, StepOutcome::kDone, kId));
  renderer.send(base::StepStarted{3});
  renderer.send(base::StepStarted{1});
  renderer.send(base::StepLog{3, false, "two\n"});
  renderer.send(base::StepLog{1, false, "one\n"});
  EXPECT_EQ(to.out.text(), "[1/2] STEP 1/2: FROM a\n[1/2] STEP 2/2: RUN one\none\n");
  renderer.send(finished(3, StepOutcome::kDone, kId));
  renderer.send(finished(1, StepOutcome::kDone, kId));
  EXPECT_EQ(to.out.text(), "[1/2] STEP 1/2: FROM a\n[1/2] STEP 2/2: RUN one\none\n--> " + kShort +
                               "\n[2/2] STEP 1/2: FROM b\n[2/2] STEP 2/2: RUN two\ntwo\n");
}

TEST(RenderSteps, AFailureShowsWhatEveryStartedStepSaid) {
  Outputs to;
  StepsRenderer renderer(to.streams);
  for (int i = 0; i < 3; ++i) renderer.send(planned(i, i + 1, 3, "RUN " + std::to_string(i)));
  renderer.send(base::StepStarted{0});
  renderer.send(base::StepStarted{1});
  renderer.send(base::StepLog{1, false, "no end"});
  renderer.send(finished(1, StepOutcome::kFailed));
  renderer.send(finished(0, StepOutcome::kCanceled));
  renderer.finish(Renderer::End::kFailure);
  EXPECT_EQ(to.out.text(), "STEP 1/3: RUN 0\nSTEP 2/3: RUN 1\nno end\n");
}

TEST(RenderSteps, TheNextStepBeginsOnALineOfItsOwn) {
  Outputs to;
  StepsRenderer renderer(to.streams);
  renderer.send(planned(0, 1, 2, "RUN printf x"));
  renderer.send(planned(1, 2, 2, "RUN\n\x1b[1mtwo"));
  renderer.send(base::StepStarted{0});
  renderer.send(base::StepLog{0, false, "x"});
  renderer.send(finished(0, StepOutcome::kDone));
  renderer.send(base::StepStarted{1});
  EXPECT_EQ(to.out.text(), "STEP 1/2: RUN printf x\nx\nSTEP 2/2: RUN \\x1b[1mtwo\n");
}

TEST(RenderSteps, TransfersAreToldOnce) {
  Outputs to;
  StepsRenderer renderer(to.streams);
  renderer.send(base::Note{"Trying to pull x..."});
  renderer.send(base::Transfer{"blob sha256:1", "Copying blob", 0, 10, false});
  renderer.send(base::Transfer{"blob sha256:1", "Copying blob", 10, 10, true});
  EXPECT_EQ(to.out.text(), "");
  EXPECT_EQ(to.err.text(), "Trying to pull x...\nCopying blob sha256:1\n");
}

}  // namespace
}  // namespace bld::cmd
