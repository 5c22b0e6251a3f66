#include "dockerfile/outline.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "dockerfile/parser.h"

namespace bld::dockerfile {
namespace {

Containerfile parsed(const std::string& text) { return parse(SourceText("Containerfile", text)); }

std::vector<std::string> arguments(const Outline& outline) {
  std::vector<std::string> shown;
  for (const OutlineArgument& argument : outline.arguments) {
    shown.push_back(argument.name + "=" + argument.value + "|" + argument.description);
  }
  return shown;
}

TEST(Outline, TargetsAreTheStages) {
  const auto targets =
      targets_of(parsed("ARG V=1\n# Build makes it\nFROM --platform=$BUILDPLATFORM go:$V AS Build\n"
                        "# other text\nFROM build\nFROM scratch AS last\n"));
  ASSERT_EQ(targets.size(), 3U);
  EXPECT_EQ(targets[0].name, "build");
  EXPECT_EQ(targets[0].description, "makes it");
  EXPECT_EQ(targets[0].base, "go:$V");
  EXPECT_EQ(targets[0].platform, "$BUILDPLATFORM");
  EXPECT_FALSE(targets[0].is_default);
  EXPECT_EQ(targets[1].name, "");
  EXPECT_EQ(targets[1].description, "");
  EXPECT_TRUE(targets[2].is_default);
  EXPECT_EQ(targets[2].span.line, 6);
}

TEST(Outline, ArgumentsAreThoseThatTheTargetUses) {
  const auto file = parsed(
      "# MAJOR of the version\nARG MAJOR=1\nARG VERSION=$MAJOR.2\nARG UNUSED=3\nARG BASE=x\n"
      "FROM a:$VERSION AS one\n# MODE how\nARG MODE=fast TARGETARCH\n"
      "FROM $BASE AS two\nARG ONLY_TWO\n"
      "FROM one AS three\nARG VERSION\nARG OWN=a-$VERSION-$HOME\n");
  using Strings = std::vector<std::string>;
  const std::map<std::string, std::string> predefined = {{"TARGETARCH", "amd64"}};
  EXPECT_EQ(arguments(outline_of(file, "", {}, predefined)),
            (Strings{"MAJOR=1|of the version", "VERSION=1.2|", "MODE=fast|how",
                     "OWN=a-$VERSION-$HOME|"}));
  EXPECT_EQ(arguments(outline_of(file, "two", {{"ONLY_TWO", "2"}}, predefined)),
            (Strings{"BASE=x|", "ONLY_TWO=2|"}));
  EXPECT_EQ(arguments(outline_of(file, "one", {{"VERSION", "9"}}, predefined))[1], "VERSION=9|");
  EXPECT_THROW(outline_of(file, "four", {}, {}), base::Error);
}

TEST(Outline, MountsAreListedOnce) {
  const auto file = parsed(
      "# final all of it\nFROM x AS final\nARG ID=token\n"
      "RUN --mount=type=secret,target=/run/a --mount=type=ssh x\n"
      "RUN --mount=type=secret,id=$ID,required --mount=type=secret,id=a,required x\n"
      "RUN --mount=type=cache,target=/c --mount=type=ssh,id=git,required x\n"
      "FROM x AS other\nRUN --mount=type=secret,id=not x\n");
  const Outline outline = outline_of(file, "final", {}, {});
  EXPECT_EQ(outline.name, "final");
  EXPECT_EQ(outline.description, "all of it");
  ASSERT_EQ(outline.secrets.size(), 2U);
  EXPECT_EQ(outline.secrets[0].id, "a");
  EXPECT_TRUE(outline.secrets[0].required);
  EXPECT_EQ(outline.secrets[1].id, "token");
  EXPECT_EQ(outline.secrets[1].span.line, 5);
  ASSERT_EQ(outline.ssh.size(), 2U);
  EXPECT_EQ(outline.ssh[0].id, "default");
  EXPECT_FALSE(outline.ssh[0].required);
  EXPECT_EQ(outline.ssh[1].id, "git");
  ASSERT_EQ(outline.caches.size(), 1U);
  EXPECT_EQ(outline.caches[0].id, "/c");
}

}  // namespace
}  // namespace bld::dockerfile
