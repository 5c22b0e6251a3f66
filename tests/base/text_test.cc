#include "base/text.h"

#include <gtest/gtest.h>

#include <array>

namespace bld::base {
namespace {

TEST(Text, SplitKeepsEmptyParts) {
  EXPECT_EQ(split("a,,b,", ','), (std::vector<std::string>{"a", "", "b", ""}));
}

TEST(Text, ParseUnsignedIsStrict) {
  EXPECT_EQ(parse_unsigned("0755", 8), 0755U);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "99999999999999999999", "0x1"}) {
    EXPECT_FALSE(parse_unsigned(bad)) << bad;
  }
}

TEST(Text, PrintableShowsControlsAndBrokenUtf8AsHex) {
  EXPECT_EQ(printable("a\x1b[31m\n"), "a\\x1b[31m\\x0a");
  EXPECT_EQ(printable("\xc3\xa9"), "\xc3\xa9");
  EXPECT_EQ(printable("\xc3"), "\\xc3");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");
}

TEST(Text, NearestFindsTheLikelyWord) {
  constexpr std::array<std::string_view, 3> kWords = {"COPY", "CMD", "RUN"};
  EXPECT_EQ(nearest("coppy", kWords), "COPY");
  EXPECT_EQ(nearest("rn", kWords), "RUN");
  EXPECT_EQ(nearest("cpoy", kWords), "COPY");  // two letters swapped are one mistake
  EXPECT_FALSE(nearest("something", kWords));
}

}  // namespace
}  // namespace bld::base
