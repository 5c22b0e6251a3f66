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

TEST(RenderError, TheCaretStandsUnderTheWordBehindTabsAndWideText) {
  Error error("bad");
  error.at({"f", 12, 12, 3, "\tCOPY \xc3\xa4\xc3\xb6 bad"});
  const auto lines = base::split(render_error(error), '\n');
  ASSERT_GE(lines.size(), 3U);
  EXPECT_EQ(lines[1], "   12 |  COPY \xc3\xa4\xc3\xb6 bad");
  EXPECT_EQ(lines[2], "      |          ^^^");
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
