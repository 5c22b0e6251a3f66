#include "cmd/render_error.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"

namespace bld::cmd {
namespace {

using base::Error;

TEST(RenderError, ShowsPlaceLineCaretAndAdvice) {
  Error error("unknown instruction \"RUNN\"");
  error.at({"Containerfile", 3, 1, 4, "RUNN echo hi"}).hint("did you mean RUN?");
  EXPECT_EQ(render_error(error),
            "Error: Containerfile:3:1: unknown instruction \"RUNN\"\n"
            "    3 | RUNN echo hi\n"
            "      | ^^^^\n"
            "hint: did you mean RUN?\n");
}

TEST(RenderError, AnErrorWithoutPlaceIsOneLine) {
  Error error("image not known");
  error.add_context("nosuch");
  EXPECT_EQ(render_error(error), "Error: nosuch: image not known\n");
}

TEST(RenderError, ShowsTheLinesAroundButNoEmptyRim) {
  Error error("bad");
  error.at({"f", 9, 3, 2, "  xy", {"", "RUN a \\"}, {"", "end", " "}});
  EXPECT_EQ(render_error(error),
            "Error: f:9:3: bad\n"
            "    8 | RUN a \\\n"
            "    9 |   xy\n"
            "      |   ^^\n"
            "   10 |\n"
            "   11 | end\n");
}

TEST(RenderError, TheCaretStandsUnderTheWordBehindTabsAndWideText) {
  Error error("bad");
  error.at({"f", 12, 12, 3, "\tCOPY \u00e4\u00f6 bad"});
  const auto lines = base::split(render_error(error), '\n');
  ASSERT_GE(lines.size(), 3U);
  EXPECT_EQ(lines[1], "   12 |     COPY \u00e4\u00f6 bad");
  EXPECT_EQ(lines[2], "      |             ^^^");
  Error wide("bad");
  wide.at({"f", 1, 8, 7, "\u6f22\u5b57 \u6f22\u5b57\t"});  // three bytes and two columns each
  EXPECT_EQ(base::split(render_error(wide), '\n').at(2), "      |      ^^^^^^^");
  Error combined("bad");
  combined.at({"f", 1, 5, 1, "e\u0301 x"});
  EXPECT_EQ(base::split(render_error(combined), '\n').at(2), "      |   ^");
}

TEST(RenderError, ColoursDoNotMoveTheText) {
  Error error("bad");
  error.at({"f", 1, 3, 2, "a bc"}).hint("better");
  EXPECT_EQ(render_error(error, {.color = true}),
            "\x1b[1;31mError: \x1b[0m\x1b[1mf:1:3\x1b[0m: bad\n"
            "\x1b[2m    1 |\x1b[0m a bc\n"
            "\x1b[2m      |\x1b[0m   \x1b[1;31m^^\x1b[0m\n"
            "\x1b[1;36mhint:\x1b[0m better\n");
}

TEST(RenderError, ForeignTextCannotDriveTheTerminal) {
  const std::string text = render_error(Error("{}", "\x1b[31mred\x07\nnext"));
  EXPECT_EQ(text, "Error: \\x1b[31mred\\x07\\x0anext\n");
}

TEST(RenderError, NoLineIsLongerThanTheLimit) {
  Error error("{}", std::string(100000, 'x'));
  error.at({"f", 1, 50001, 1, std::string(100000, 'y')}).hint(std::string(100000, 'z'));
  for (const std::string& line : base::split(render_error(error), '\n')) {
    EXPECT_LT(line.size(), 2000U);
  }
}

TEST(RenderError, SeveralErrorsOfOneInputComeTogether) {
  Error error("first");
  for (int i = 0; i < 30; ++i) error.add_more(Error("other {}", i));
  const std::string text = render_error(error);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 11);
  EXPECT_NE(text.find("and 21 more"), std::string::npos);
}

TEST(RenderError, NotesStandAboveTheHint) {
  Error error("bad");
  error.hint("better").note("one").note("two");
  EXPECT_EQ(render_error(error), "Error: bad\nnote: one\nnote: two\nhint: better\n");
}

TEST(RenderError, AnnotationsAreEscapedAndForWhatHasAPlace) {
  const ErrorStyle style{.annotations = true};
  Error error("100% bad: a,b");
  error.at({"a,b:c/File", 3, 5, 1, ""}).hint("better");
  error.add_more(Error("no place"));
  EXPECT_EQ(render_error(error, style),
            "Error: a,b:c/File:3:5: 100% bad: a,b\nhint: better\n"
            "Error: no place\n"
            "::error file=a%2Cb%3Ac/File,line=3,col=5::100%25 bad: a,b%0Ahint: better\n");
  EXPECT_EQ(render_warning({"odd", base::SourcePosition{"C", 1, 0, 0, ""}, "Rule"}, style),
            "[Warning] C:1: Rule: odd\n::warning file=C,line=1::Rule: odd\n");
  EXPECT_EQ(render_warning({"odd", std::nullopt}, style), "[Warning] odd\n");
}

TEST(RenderWarning, OfALintRuleIsOneLine) {
  EXPECT_EQ(
      render_warning({"odd", base::SourcePosition{"C", 1, 3, 4, "FROM x"}, "Rule", "https://x"}),
      "[Warning] C:1:3: Rule: odd\n");
}

TEST(RenderWarning, LooksLikeAnError) {
  EXPECT_EQ(render_warning({"odd", base::SourcePosition{"C", 1, 0, 0, "FROM x"}}),
            "[Warning] C:1: odd\n    1 | FROM x\n");
}

}  // namespace
}  // namespace bld::cmd
