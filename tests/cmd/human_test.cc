#include "cmd/human.h"

#include <gtest/gtest.h>

namespace bld::cmd {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Human, SizesAreDecimalWithThreeDigits) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(999), "999 B");
  EXPECT_EQ(size_text(8140), "8.14 KB");
  EXPECT_EQ(size_text(1985166), "1.99 MB");
  EXPECT_EQ(size_text(123456789), "123 MB");
  EXPECT_EQ(size_text(999999), "1 MB");
}

TEST(Human, AgesAreRough) {
  EXPECT_EQ(age_text(seconds(-5)), "Less than a second ago");
  EXPECT_EQ(age_text(seconds(1)), "1 second ago");
  EXPECT_EQ(age_text(seconds(59)), "59 seconds ago");
  EXPECT_EQ(age_text(seconds(60)), "About a minute ago");
  EXPECT_EQ(age_text(minutes(5)), "5 minutes ago");
  EXPECT_EQ(age_text(hours(1)), "About an hour ago");
  EXPECT_EQ(age_text(hours(2)), "2 hours ago");
  EXPECT_EQ(age_text(hours(24 * 3)), "3 days ago");
  EXPECT_EQ(age_text(hours(24 * 21)), "3 weeks ago");
  EXPECT_EQ(age_text(hours(24 * 100)), "3 months ago");
  EXPECT_EQ(age_text(hours(24 * 365 * 3)), "3 years ago");
}

TEST(Human, ColumnsAreAsWideAsTheirWidestCell) {
  EXPECT_EQ(table_text({{"A", "B", "C"}, {"longer", "b", "c"}}),
            "A        B   C\nlonger   b   c\n");
}

TEST(Human, DurationsOfAMinuteAndMore) {
  EXPECT_EQ(duration_text(std::chrono::milliseconds(230)), "0.2s");
  EXPECT_EQ(duration_text(seconds(65)), "1m05s");
}

}  // namespace
}  // namespace bld::cmd
