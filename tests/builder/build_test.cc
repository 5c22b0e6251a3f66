#include "builder/build.h"

#include <thread>

#include "base/error.h"
#include "base/text.h"
#include "tests/builder/build_fixture.h"

namespace bld::test {
namespace {

using base::StepOutcome;

TEST_F(Build, RunMakesALayerAndConfigurationDoesNot) {
  const auto result = build("FROM scratch\nRUN write a 1\nENV X=y\nLABEL l=1\n");
  const auto made = config(result);
  EXPECT_EQ(made.diff_ids.size(), 1U);
  ASSERT_EQ(made.history.size(), 3U);
  EXPECT_FALSE(made.history[0].empty_layer);
  EXPECT_TRUE(made.history[1].empty_layer);
  EXPECT_TRUE(made.history[2].empty_layer);
  EXPECT_EQ(made.config.env.back(), "X=y");
}

TEST_F(Build, AStepThatChangesNothingMakesNoLayer) {
  const auto made = config(build("FROM scratch\nRUN nothing\n"));
  EXPECT_TRUE(made.diff_ids.empty());
  EXPECT_TRUE(made.history.at(0).empty_layer);
}

TEST_F(Build, AnUnchangedRebuildRunsNothingAndGivesTheSameImage) {
  const auto first = build("FROM scratch\nRUN write a 1\nRUN write b 2\n");
  EXPECT_EQ(runner_.runs, 2);
  const auto second = build("FROM scratch\nRUN write a 1\nRUN write b 2\n");
  EXPECT_EQ(runner_.runs, 2);
  EXPECT_EQ(first.image_id, second.image_id);
  EXPECT_EQ(events_.outcomes().at(2), StepOutcome::kCached);
}

TEST_F(Build, NoCacheRunsEverythingAgain) {
  build("FROM scratch\nRUN write a 1\n");
  builder::BuildRequest request;
  request.use_cache = false;
  build("FROM scratch\nRUN write a 1\n", request);
  EXPECT_EQ(runner_.runs, 2);
}

TEST_F(Build, WhatWasDoneBeforeAFailureIsNotDoneAgain) {
  EXPECT_THROW(build("FROM scratch\nRUN write a 1\nRUN exit 7\n"), base::Error);
  EXPECT_EQ(runner_.runs, 2);
  build("FROM scratch\nRUN write a 1\nRUN write b 2\n");
  EXPECT_EQ(runner_.runs, 3);
}

TEST_F(Build, AFailingCommandKeepsItsStatusAndItsPlace) {
  try {
    build("FROM scratch\n\nRUN exit 7\n");
    FAIL() << "the build passed";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.exit_status(), 7);
    ASSERT_TRUE(error.position());
    EXPECT_EQ(error.position()->line, 3);
    EXPECT_NE(std::string(error.what()).find("exit code: 7"), std::string::npos);
  }
}

TEST_F(Build, AChangedStepWhoseOutcomeIsTheSameRebuildsNothingAfterIt) {
  builder::BuildRequest request;
  request.timestamp = 1;  // what is written is the same at any time
  request.file_times = builder::FileTimes::kSet;
  build("FROM scratch\nRUN write a 1\nRUN write b 2\n", request);
  build("FROM scratch\nRUN write a 1 again\nRUN write b 2\n", request);
  EXPECT_EQ(runner_.runs, 3);
}

TEST_F(Build, EqualStagesAreDoneOnce) {
  build(
      "FROM scratch AS a\nRUN write x 1\n"
      "FROM scratch AS b\nRUN write x 1\n"
      "FROM scratch\nRUN --mount=from=a,target=/a --mount=from=b,target=/b write y 2\n");
  EXPECT_EQ(runner_.runs, 2);
}

TEST_F(Build, StagesThatTheTargetDoesNotNeedAreNotDone) {
  build("FROM scratch AS unused\nRUN exit 1\nFROM scratch\nRUN write y 2\n");
  EXPECT_EQ(runner_.runs, 1);
}

TEST_F(Build, IndependentStagesRunAtTheSameTime) {
  std::atomic<int> inside = 0;
  std::atomic<bool> met = false;
  FakeRunner meeting([&](const std::string&, const std::filesystem::path&, std::stop_token) {
    ++inside;
    for (int i = 0; i < 2000 && !met; ++i) {
      if (inside == 2) met = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return 0;
  });
  temp_.write("context/Containerfile",
              "FROM scratch AS a\nRUN first\nFROM scratch AS b\nRUN second\n"
              "FROM scratch\nRUN --mount=from=a,target=/a --mount=from=b,target=/b third\n");
  builder::BuildRequest request;
  request.context = temp_ / "context";
  request.jobs = 2;
  builder::build(request, {store_, meeting, roots_, events_}, stop_.get_token());
  EXPECT_TRUE(met);
}

TEST_F(Build, ManyIndependentStagesUnderManyJobs) {
  std::string text;
  std::string mounts;
  for (int i = 0; i < 40; ++i) {
    const std::string n = std::to_string(i);
    text += "FROM scratch AS s" + n + "\nRUN write f" + n + " " + n + "\nRUN write g" + n + " x\n";
    mounts += "--mount=from=s" + n + ",target=/" + n + " ";
  }
  builder::BuildRequest request;
  request.jobs = 8;
  const auto result = build(text + "FROM scratch\nRUN " + mounts + "write all 1\n", request);
  EXPECT_EQ(runner_.runs, 81);
  EXPECT_EQ(config(result).diff_ids.size(), 1U);
}

TEST_F(Build, TheFirstErrorStopsTheOtherStages) {
  std::atomic<bool> stopped = false;
  FakeRunner runner(
      [&](const std::string& command, const std::filesystem::path&, std::stop_token stop) {
        if (command == "fail") return 3;
        for (int i = 0; i < 5000 && !stop.stop_requested(); ++i) {
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        stopped = stop.stop_requested();
        return 137;
      });
  temp_.write("context/Containerfile",
              "FROM scratch AS a\nRUN wait\nFROM scratch AS b\nRUN fail\n"
              "FROM scratch\nRUN --mount=from=a,target=/a --mount=from=b,target=/b third\n");
  builder::BuildRequest request;
  request.context = temp_ / "context";
  request.jobs = 2;
  try {
    builder::build(request, {store_, runner, roots_, events_}, stop_.get_token());
    FAIL() << "the build passed";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.exit_status(), 3);
  }
  EXPECT_TRUE(stopped);
}

TEST_F(Build, AStopRequestEndsTheBuildAndNamesNoImage) {
  FakeRunner runner([&](const std::string&, const std::filesystem::path&, std::stop_token stop) {
    stop_.request_stop();
    while (!stop.stop_requested()) std::this_thread::yield();
    return 143;
  });
  temp_.write("context/Containerfile", "FROM scratch\nRUN wait\n");
  builder::BuildRequest request;
  request.context = temp_ / "context";
  request.tags.push_back(image::Reference::parse_local("x").with_default_tag());
  EXPECT_THROW(builder::build(request, {store_, runner, roots_, events_}, stop_.get_token()),
               base::Error);
  EXPECT_FALSE(store_.find_image("x"));
}

TEST_F(Build, BuildArgumentsReachRunAndTheUnusedOnesAreReported) {
  builder::BuildRequest request;
  request.build_args = {{"A", "1"}, {"B", "2"}, {"HTTP_PROXY", "p"}};
  const auto result = build("FROM scratch\nARG A=0\nRUN write x $A\n", request);
  EXPECT_EQ(result.unused_build_args, std::vector<std::string>{"B"});
  EXPECT_EQ(config(result).history.at(1).created_by, "|1 A=1 /bin/sh -c write x $A");
}

TEST_F(Build, NothingInTheImageIsOfTheTimeOfTheBuild) {
  const auto made = config(build("FROM scratch\nENV A=1\n"));
  EXPECT_EQ(made.created, "1970-01-01T00:00:00Z");
  EXPECT_EQ(made.history.at(0).created, "1970-01-01T00:00:00Z");
}

TEST_F(Build, LabelsOfTheCommandLineWin) {
  builder::BuildRequest request;
  request.labels = {{"l", "2"}};
  request.identity_label = false;
  const auto made = config(build("FROM scratch\nLABEL l=1 k=1\n", request));
  EXPECT_EQ(made.config.labels, (std::map<std::string, std::string>{{"k", "1"}, {"l", "2"}}));
}

TEST_F(Build, EntrypointDropsOnlyAnInheritedCommand) {
  EXPECT_FALSE(
      config(build("FROM scratch AS a\nCMD [\"x\"]\nFROM a\nENTRYPOINT [\"e\"]\n")).config.cmd);
  EXPECT_TRUE(config(build("FROM scratch\nCMD [\"x\"]\nENTRYPOINT [\"e\"]\n")).config.cmd);
}

TEST_F(Build, AStageCannotCopyFromItself) {
  try {
    build("FROM scratch AS a\nRUN --mount=from=a,target=/x true\n");
    FAIL() << "the build passed";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.position()->line, 2);
  }
}

}  // namespace
}  // namespace bld::test
