#include "runtime/id_map.h"

#include <gtest/gtest.h>

namespace bld::runtime {
namespace {

TEST(IdMap, RangesAreFoundByNameAndByNumber) {
  const auto ranges = parse_subordinate_ids(
      "# comment\nbob:1:2\nalice:100000:65536\n1000:300000:10\nalice:x:1\nalice:5\nalice:7:0\n",
      "alice", 1000);
  EXPECT_EQ(ranges, (std::vector<IdMap>{{0, 100000, 65536}, {0, 300000, 10}}));
}

TEST(IdMap, RangesBeyondTheLastIdAreLeftOut) {
  EXPECT_TRUE(
      parse_subordinate_ids("a:4294967295:1\na:1:4294967295\na:99999999999:1", "a", 1).empty());
}

TEST(IdMap, ANamelessUserOwnsNoNamelessLine) {
  EXPECT_TRUE(parse_subordinate_ids(":100000:65536", "", 1000).empty());
}

TEST(IdMap, TheCallerIsRootAndTheRangesFollow) {
  EXPECT_EQ(container_map(1000, {{0, 100000, 65536}, {0, 300000, 10}}),
            (std::vector<IdMap>{{0, 1000, 1}, {1, 100000, 65536}, {65537, 300000, 10}}));
}

TEST(IdMap, RangesThatOverlapOutsideAreTakenOnce) {
  EXPECT_EQ(container_map(1000, {{0, 100000, 10}, {0, 100005, 10}, {0, 999, 2}, {0, 200, 1}}),
            (std::vector<IdMap>{{0, 1000, 1}, {1, 100000, 10}, {11, 200, 1}}));
}

TEST(IdMap, AnIdIsMappedOrNot) {
  const std::vector<IdMap> map{{0, 1000, 1}, {1, 100000, 10}};
  EXPECT_TRUE(is_mapped(map, 0));
  EXPECT_TRUE(is_mapped(map, 10));
  EXPECT_FALSE(is_mapped(map, 11));
}

}  // namespace
}  // namespace bld::runtime
