#include "runtime/seccomp_policy.h"

#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/runtime/container.h"

namespace bld::runtime {
namespace {

using test::ContainerTest;

class SeccompPolicyTest : public ContainerTest {
 protected:
  ContainerSpec under(const SeccompPolicy& policy, const std::string& script) const {
    ContainerSpec result = spec(script);
    result.seccomp = Seccomp::kCustom;
    result.seccomp_filter = compile_policy(policy);
    return result;
  }
};

SeccompPolicy allow_all() {
  SeccompPolicy policy;
  policy.default_action.name = "SCMP_ACT_ALLOW";
  return policy;
}

TEST_F(SeccompPolicyTest, ItsRulesHoldInTheContainer) {
  SeccompPolicy policy = allow_all();
  policy.rules.push_back({{"mkdir", "mkdirat", "no_such_call"}, {"SCMP_ACT_ERRNO", EXDEV}, {}});
  const auto result = run(under(policy, "mkdir /tmp/x; touch /tmp/y && echo touched"));
  EXPECT_EQ(result.output, "touched\n");
  EXPECT_NE(result.error_output.find("link"), std::string::npos) << result.error_output;
}

TEST_F(SeccompPolicyTest, ArgumentsAreCompared) {
  SeccompPolicy policy = allow_all();
  // Of all modes only 0700 is refused.
  for (const auto& [call, index] : {std::pair{"chmod", 1U}, std::pair{"fchmodat", 2U}}) {
    policy.rules.push_back(
        {{call}, {"SCMP_ACT_ERRNO", EPERM}, {{index, "SCMP_CMP_MASKED_EQ", 0777, 0700}}});
  }
  const auto result =
      run(under(policy, "chmod 755 /tmp && echo a; chmod 700 /tmp || echo refused"));
  EXPECT_EQ(result.output, "a\nrefused\n") << result.error_output;
}

TEST_F(SeccompPolicyTest, KillEndsTheCommandBySignal) {
  SeccompPolicy policy = allow_all();
  policy.rules.push_back({{"mkdir", "mkdirat"}, {"SCMP_ACT_KILL_PROCESS", 0}, {}});
  EXPECT_EQ(run(under(policy, "exec mkdir /tmp/x")).exit.status, 128 + SIGSYS);
}

TEST(SeccompPolicy, UnknownWordsAreErrors) {
  SeccompPolicy policy = allow_all();
  policy.default_action.name = "SCMP_ACT_SMILE";
  EXPECT_THROW(compile_policy(policy), base::Error);
  policy = allow_all();
  policy.rules.push_back({{"mkdir"}, {"SCMP_ACT_NOTIFY", 0}, {}});
  EXPECT_THROW(compile_policy(policy), base::Error);
  policy = allow_all();
  policy.architectures = {"SCMP_ARCH_PDP11"};
  EXPECT_THROW(compile_policy(policy), base::Error);
  policy = allow_all();
  policy.rules.push_back({{"mkdir"}, {"SCMP_ACT_ERRNO", 1}, {{0, "SCMP_CMP_LIKE", 0, 0}}});
  EXPECT_THROW(compile_policy(policy), base::Error);
  policy.rules.back().arguments = {{7, "SCMP_CMP_EQ", 0, 0}};
  EXPECT_THROW(compile_policy(policy), base::Error);
}

TEST(SeccompPolicy, TheArchitectureOfThisMachineHasAName) {
  EXPECT_TRUE(native_seccomp_architecture().starts_with("SCMP_ARCH_"));
}

}  // namespace
}  // namespace bld::runtime
