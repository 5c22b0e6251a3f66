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

TEST(Capabilities, AddingAndDroppingDoNotDependOnTheirOrder) {
  const auto set = [](const std::vector<std::string>& add, const std::vector<std::string>& drop) {
    return CapabilitySet::container_default(add, drop);
  };
  EXPECT_EQ(set({}, {}), CapabilitySet::container_default());
  EXPECT_EQ(set({"chown"}, {"all"}).names(), std::vector<std::string>{"CAP_CHOWN"});
  EXPECT_EQ(set({}, {"ALL"}).bits(), 0U);
  EXPECT_TRUE(set({"ALL"}, {"SYS_ADMIN"}).has("SYS_PTRACE"));
  EXPECT_FALSE(set({"ALL"}, {"SYS_ADMIN"}).has("SYS_ADMIN"));
  EXPECT_TRUE(set({"SYS_TIME"}, {"CAP_CHOWN"}).has("SYS_TIME"));
  EXPECT_FALSE(set({"SYS_TIME"}, {"CAP_CHOWN"}).has("CHOWN"));
  EXPECT_THROW(set({"chown"}, {"CAP_CHOWN"}), base::Error);
  EXPECT_THROW(set({"all"}, {"all"}), base::Error);
  EXPECT_THROW(set({"chow"}, {}), base::Error);
}

}  // namespace
}  // namespace bld::runtime
