#include "builder/confinement.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "image/platform.h"

namespace bld::builder {
namespace {

using runtime::CapabilitySet;

runtime::SeccompPolicy parse(const std::string& rules) {
  return parse_seccomp_profile(R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,)"
                               R"("syscalls":[)" +
                                   rules + "]}",
                               CapabilitySet::container_default());
}

TEST(SeccompProfile, TheDefaultAndTheRulesAreRead) {
  const auto policy = parse(
      R"({"names":["read","write"],"action":"SCMP_ACT_ALLOW"},
         {"name":"personality","action":"SCMP_ACT_ALLOW","errnoRet":5,
          "args":[{"index":0,"value":8,"valueTwo":9,"op":"SCMP_CMP_MASKED_EQ"}]})");
  EXPECT_EQ(policy.default_action.name, "SCMP_ACT_ERRNO");
  EXPECT_EQ(policy.default_action.error, 38U);
  ASSERT_EQ(policy.rules.size(), 2U);
  EXPECT_EQ(policy.rules[0].names, (std::vector<std::string>{"read", "write"}));
  EXPECT_EQ(policy.rules[1].names, std::vector<std::string>{"personality"});
  EXPECT_EQ(policy.rules[1].action.error, 5U);
  ASSERT_EQ(policy.rules[1].arguments.size(), 1U);
  EXPECT_EQ(policy.rules[1].arguments[0].value, 8U);
  EXPECT_EQ(policy.rules[1].arguments[0].second_value, 9U);
}

TEST(SeccompProfile, RulesForOtherCapabilitiesMachinesAndKernelsAreLeftOut) {
  const std::string here = image::Platform::host().architecture;
  const auto count = [](const std::string& condition) {
    return parse(R"({"names":["mount"],"action":"SCMP_ACT_ALLOW",)" + condition + "}").rules.size();
  };
  EXPECT_EQ(count(R"("includes":{"caps":["CAP_SYS_ADMIN"]})"), 0U);
  EXPECT_EQ(count(R"("includes":{"caps":["CAP_CHOWN"]})"), 1U);
  EXPECT_EQ(count(R"("excludes":{"caps":["CAP_SYS_ADMIN"]})"), 1U);
  EXPECT_EQ(count(R"("excludes":{"caps":["CAP_CHOWN"]})"), 0U);
  EXPECT_EQ(count(R"("includes":{"arches":["vax"]})"), 0U);
  EXPECT_EQ(count(R"("includes":{"arches":["vax",")" + here + R"("]})"), 1U);
  EXPECT_EQ(count(R"("excludes":{"arches":[")" + here + R"("]})"), 0U);
  EXPECT_EQ(count(R"("includes":{"minKernel":"4.8"})"), 1U);
  EXPECT_EQ(count(R"("includes":{"minKernel":"99.0"})"), 0U);
}

TEST(SeccompProfile, WhatIsNoProfileIsAnError) {
  const CapabilitySet capabilities = CapabilitySet::container_default();
  for (const char* text : {"", "[]", "{}", R"({"defaultAction":1})",
                           R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":{}})",
                           R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{}]})"}) {
    EXPECT_THROW(parse_seccomp_profile(text, capabilities), base::Error) << text;
  }
}

TEST(SecurityOption, EachIsAppliedOrAnError) {
  const auto apply = [](const char* option) {
    Confinement confinement;
    add_security_option(confinement, option, CapabilitySet::container_default());
    return confinement;
  };
  EXPECT_TRUE(apply("no-new-privileges").no_new_privileges);
  EXPECT_TRUE(apply("no-new-privileges:true").no_new_privileges);
  EXPECT_FALSE(apply("no-new-privileges=false").no_new_privileges);
  EXPECT_EQ(apply("seccomp=unconfined").seccomp, runtime::Seccomp::kUnconfined);
  EXPECT_EQ(apply("label=disable").seccomp, runtime::Seccomp::kDefault);
  EXPECT_EQ(apply("apparmor=unconfined").seccomp, runtime::Seccomp::kDefault);
  const auto hidden = [&](const char* option, const char* path) {
    const auto& masked = apply(option).kernel_files.masked;
    return std::find(masked.begin(), masked.end(), path) != masked.end();
  };
  EXPECT_TRUE(hidden("mask=/proc/mine:/etc", "/proc/mine"));
  EXPECT_TRUE(hidden("mask=/etc", "/proc/kcore"));
  EXPECT_FALSE(hidden("unmask=/proc/k*", "/proc/kcore"));
  EXPECT_FALSE(hidden("unmask=ALL", "/proc/kcore"));
  for (const char* option :
       {"apparmor=docker-default", "seccomp=/no/such/file", "seccomp=", "mask=proc",
        "unmask=some", "mask=", "x"}) {
    EXPECT_THROW(apply(option), base::Error) << option;
  }
}

}  // namespace
}  // namespace bld::builder
