// A system call policy that somebody wrote (--security-opt seccomp=FILE), compiled by libseccomp.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

namespace bld::runtime {

// The words are those of the OCI runtime-spec.
struct SeccompPolicy {
  struct Action {
    std::string name;         // "SCMP_ACT_ALLOW"
    std::uint32_t error = 1;  // of SCMP_ACT_ERRNO; EPERM
  };

  struct Argument {
    unsigned index = 0;
    std::string comparison;  // "SCMP_CMP_EQ"
    std::uint64_t value = 0, second_value = 0;
  };

  struct Rule {
    std::vector<std::string> names;  // a call that libseccomp does not know is passed over
    Action action;
    std::vector<Argument> arguments;  // all must hold
  };

  Action default_action;
  std::vector<std::string> architectures;  // "SCMP_ARCH_X86"; besides this machine's own
  std::vector<Rule> rules;
};

// Throws Error on words that it does not know.
std::vector<sock_filter> compile_policy(const SeccompPolicy& policy);

// This machine's own architecture, "SCMP_ARCH_X86_64".
std::string native_seccomp_architecture();

}  // namespace bld::runtime
