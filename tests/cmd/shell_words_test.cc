#include "cmd/shell_words.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::cmd {
namespace {

using Words = std::vector<std::string>;

TEST(ShellWords, BlanksDivide) {
  EXPECT_EQ(shell_words("  a\tb  c "), (Words{"a", "b", "c"}));
  EXPECT_EQ(shell_words(""), Words{});
}

TEST(ShellWords, QuotesHoldTogether) {
  EXPECT_EQ(shell_words("sh -c 'echo \"hi\" \\n'"), (Words{"sh", "-c", "echo \"hi\" \\n"}));
  EXPECT_EQ(shell_words(R"("a \" b"'c'd "")"), (Words{"a \" bcd", ""}));
}

TEST(ShellWords, ABackslashTakesTheNextByteAsItIs) {
  EXPECT_EQ(shell_words(R"(a\ b \' "x\y")"), (Words{"a b", "'", "x\\y"}));
}

TEST(ShellWords, AnUnclosedQuoteIsAnError) {
  EXPECT_THROW(shell_words("a 'b"), base::Error);
  EXPECT_THROW(shell_words("\""), base::Error);
}

}  // namespace
}  // namespace bld::cmd
