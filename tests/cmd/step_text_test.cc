#include "cmd/step_text.h"

#include <gtest/gtest.h>

#include <vector>

namespace bld::cmd {
namespace {

TEST(LineSplitter, LinesMayComeInPieces) {
  LineSplitter splitter;
  std::vector<std::string> lines;
  const auto take = [&](const std::string& line) { lines.push_back(line); };
  splitter.add("one\ntw", take);
  splitter.add("o\r\n\nthree", take);
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", ""}));
  splitter.finish(take);
  EXPECT_EQ(lines.back(), "three");
}

TEST(WithoutEscapes, LeavesOnlyText) {
  EXPECT_EQ(without_escapes("\x1b[1;31mred\x1b[0m plain"), "red plain");
  EXPECT_EQ(without_escapes("\x1b]0;title\x07text\x1b]8;;u\x1b\\x"), "textx");
  EXPECT_EQ(without_escapes("10%\r50%\r99%"), "99%");
  EXPECT_EQ(without_escapes("a\tb\x01"), "a    b\\x01");
  EXPECT_EQ(without_escapes("\x1b["), "");
}

}  // namespace
}  // namespace bld::cmd
