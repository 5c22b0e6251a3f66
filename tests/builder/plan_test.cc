#include "builder/plan.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "builder/variables.h"
#include "dockerfile/parser.h"

namespace bld::builder {

namespace {

Plan plan_text(const std::string& text, const BuildRequest& request) {
  const dockerfile::SourceText source("Containerfile", text);
  const dockerfile::Containerfile file = dockerfile::parse(source);
  const image::Platform platform = image::Platform::parse("linux/amd64");
  const BaseResolver no_image = [](const std::string& name, const image::Platform&, BaseUse) -> BaseImage {
    throw base::Error("no image {}", name);
  };
  return plan({.source = source,
               .file = file,
               .request = request,
               .build_platform = platform,
               .target_platform = platform,
               .resolve_base = no_image,
               .image_contexts = {},
               .directory_contexts = {},
               .environment = [](const std::string&) { return std::nullopt; }});
}

Plan plan_text(const std::string& text, const std::string& target = "") {
  BuildRequest request;
  request.target = target;
  return plan_text(text, request);
}

std::vector<std::string> history_of(const Plan& plan) {
  std::vector<std::string> texts;
  for (const PlannedHistory& entry : plan.history) {
    texts.push_back(entry.created_by.substr(entry.created_by.find("(nop) ") + 6));
  }
  return texts;
}

// Three stages go on from one; each has what it inherited and nothing of the others.
TEST(Plan, StagesThatContinueOneStageKeepTheirOwn) {
  const std::string text =
      "FROM scratch AS base\nENV A=1\nLABEL base=1\n"
      "FROM base AS one\nENV B=1\n"
      "FROM base AS two\nENV A=2\nLABEL two=1\n"
      "FROM base AS three\nLABEL three=1\n";
  using Texts = std::vector<std::string>;
  EXPECT_EQ(history_of(plan_text(text, "one")), (Texts{"ENV A=1", "LABEL base=1", "ENV B=1"}));
  EXPECT_EQ(history_of(plan_text(text, "two")),
            (Texts{"ENV A=1", "LABEL base=1", "ENV A=2", "LABEL two=1"}));
  const Plan three = plan_text(text, "three");
  EXPECT_EQ(history_of(three), (Texts{"ENV A=1", "LABEL base=1", "LABEL three=1"}));
  EXPECT_EQ(find_variable(three.config.config.env, "A"), "1");
  EXPECT_EQ(find_variable(three.config.config.env, "B"), std::nullopt);
  EXPECT_EQ(three.config.config.labels.size(), 2U);
}

// Files are still copied from a stage whose configuration has moved on to another one.
TEST(Plan, AStageThatWasContinuedIsStillASource) {
  const Plan plan = plan_text(
      "FROM scratch AS base\nCOPY a /a\nFROM base AS next\nCOPY b /b\n"
      "FROM scratch\nCOPY --from=base /a /a2\nCOPY --from=next /b /b2\n");
  ASSERT_EQ(plan.graph.steps.size(), 5U);
  EXPECT_EQ(plan.graph.steps[3].inputs, (std::vector<NodeId>{0, 1}));
  EXPECT_EQ(plan.graph.steps[4].inputs, (std::vector<NodeId>{3, 2}));
}

TEST(Plan, AProxyThatIsGivenInOneSpellingIsSetInBoth) {
  BuildRequest request;
  request.build_args = {{"http_proxy", "a"}, {"NO_PROXY", "b"}, {"no_proxy", "c"}};
  const Plan plan = plan_text("FROM scratch\nRUN x\n", request);
  EXPECT_EQ(std::get<RunOperation>(plan.graph.steps.back().operation).unrecorded_env,
            (std::vector<std::string>{"HTTP_PROXY=a", "http_proxy=a", "NO_PROXY=b", "no_proxy=c"}));
}

// With a copy of all that came before at each stage this took eight gigabytes.
TEST(Plan, TenThousandStagesOneAfterTheOther) {
  std::string text = "FROM scratch AS s0\nCOPY f /f0\n";
  for (int i = 1; i < 10'000; ++i) {
    const std::string number = std::to_string(i), before = std::to_string(i - 1);
    text.append("FROM s").append(before).append(" AS s").append(number);
    text.append("\nCOPY --from=s").append(before).append(" /f /f").append(number).append("\n");
  }
  const Plan plan = plan_text(text);
  EXPECT_EQ(plan.graph.steps.size(), 10'001U);
  ASSERT_EQ(plan.history.size(), 10'000U);
  EXPECT_EQ(history_of(plan).front(), "COPY f /f0");
  EXPECT_EQ(history_of(plan).back(), "COPY --from=s9998 /f /f9999");
}

}  // namespace

}  // namespace bld::builder
