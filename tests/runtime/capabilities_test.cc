#include "runtime/capabilities.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bld::runtime {
namespace {

TEST(Capabilities, TheDefaultIsTheFourteen) {
  const CapabilitySet set = CapabilitySet::container_default();
  EXPECT_EQ(set.names().size(), 14U);
  EXPECT_EQ(set.bits(), 0xa80425fbU);
}

TEST(Capabilities, NamesMayBeShortOrLongInAnyCase) {
  CapabilitySet set;
  set.add("sys_admin");
  set.add("CAP_NET_ADMIN");
  EXPECT_EQ(set.names(), (std::vector<std::string>{"CAP_NET_ADMIN", "CAP_SYS_ADMIN"}));
  set.drop("Cap_Sys_Admin");
  EXPECT_FALSE(set.has("SYS_ADMIN"));
}

TEST(Capabilities, AllStandsForEveryOne) {
  CapabilitySet set;
  set.add("ALL");
  EXPECT_EQ(set, CapabilitySet::all());
  set.drop("all");
  EXPECT_EQ(set, CapabilitySet());
}

TEST(Capabilities, UnknownNamesAreErrorsWithASuggestion) {
  CapabilitySet set;
  try {
    set.add("CAP_SYS_ADMNI");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.hint(), "did you mean CAP_SYS_ADMIN?");
  }
}

}  // namespace
}  // namespace bld::runtime
