#include "dockerfile/stages.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "dockerfile/parser.h"

namespace bld::dockerfile {
namespace {

Containerfile parse_text(const char* text) { return parse(SourceText("Containerfile", text)); }

const char* const kFour =
    "ARG V=1\nFROM a AS Tools\nRUN x\nFROM b AS lib\nFROM c AS tools\nCOPY --from=LIB /x /\n"
    "FROM d\nRUN --mount=from=tools,target=/t --mount=from=alpine,target=/u x\n";

TEST(Stages, AreCutAtFrom) {
  const Containerfile file = parse_text(kFour);
  const Stages stages(file);
  ASSERT_EQ(stages.all().size(), 4U);
  EXPECT_EQ(stages.global_args().size(), 1U);
  EXPECT_EQ(stages[0].name, "tools");
  EXPECT_EQ(stages[0].instructions.size(), 1U);
  EXPECT_EQ(stages[1].instructions.size(), 0U);
  EXPECT_EQ(stages[3].name, "");
  EXPECT_EQ(stages[3].from().image.text, "d");
}

TEST(Stages, TargetsAreNamesInAnyCaseOrNumbers) {
  const Containerfile file = parse_text(kFour);
  const Stages stages(file);
  EXPECT_EQ(stages.target(""), 3);
  EXPECT_EQ(stages.target("LIB"), 1);
  EXPECT_EQ(stages.target("Tools"), 2);
  EXPECT_EQ(stages.target("0"), 0);
  EXPECT_THROW(stages.target("4"), base::Error);
  try {
    stages.target("lob");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.hint(), "did you mean lib?");
  }
}

TEST(Stages, TheLatestOfANameAboveIsMeant) {
  const Containerfile file = parse_text(kFour);
  const Stages stages(file);
  EXPECT_EQ(stages.base_of("tools", 2), 0);
  EXPECT_EQ(stages.base_of("tools", 3), 2);
  EXPECT_EQ(stages.base_of("tools", 0), std::nullopt);
  EXPECT_EQ(stages.source_of("lib", 0), std::nullopt);  // a later stage: an image of that name
  EXPECT_EQ(stages.source_of("1", 3), 1);
  EXPECT_EQ(stages.source_of("alpine", 3), std::nullopt);
  EXPECT_THROW(stages.source_of("lib", 1), base::Error);
  EXPECT_THROW(stages.source_of("2", 2), base::Error);
  EXPECT_THROW(stages.source_of("3", 2), base::Error);
}

TEST(Stages, ReferencesOfCopyAndMounts) {
  const Containerfile file = parse_text(kFour);
  const Stages stages(file);
  const auto mounts = from_references(stages[3].instructions[0]);
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].name, "tools");
  EXPECT_EQ(mounts[1].name, "alpine");
  const auto copies = from_references(stages[2].instructions[0]);
  ASSERT_EQ(copies.size(), 1U);
  EXPECT_EQ(copies[0].name, "LIB");
}

TEST(Stages, AStageThatUsesItselfFailsTheFile) {
  EXPECT_THROW(parse_text("FROM a AS x\nCOPY --from=X /a /\n"), base::Error);
  EXPECT_THROW(parse_text("FROM a AS x\nRUN --mount=from=x,target=/x y\nFROM b\n"), base::Error);
  EXPECT_THROW(parse_text("FROM a\nCOPY --from=0 /a /\n"), base::Error);
}

TEST(Stages, AnImageThatDoesNotExistMayBeAStageWrittenWrong) {
  const Containerfile file = parse_text(kFour);
  const Stages stages(file);
  EXPECT_EQ(stages.hint_for("tolls", 1), "did you mean the stage tools?");
  EXPECT_EQ(stages.hint_for("lbi", 1), "");  // only stages above can be meant
  EXPECT_EQ(stages.hint_for("Lib", 1), "the stage of this name is this one itself");
  EXPECT_EQ(stages.hint_for("lib", 0),
            "the stage lib comes later in the file, and only stages above can be used");
  EXPECT_EQ(stages.hint_for("docker.io/library/alpine", 3), "");
}

}  // namespace
}  // namespace bld::dockerfile
