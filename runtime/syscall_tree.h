// A system call policy as a small program for the kernel.
//
// Each container loads the program anew, and the kernel then compiles it and tries it on every call
// number: its size and depth are a good part of what a step costs. A search tree over ranges of
// equal decisions has a fifth of the instructions of a list of calls.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <map>
#include <vector>

namespace bld::runtime {

// What happens to one call: a SECCOMP_RET_… value, or what its first argument decides.
struct Decision {
  enum class Test : std::uint8_t { kNone, kEqualsOneOf, kNotEqual, kMaskedZero };
  Test test = Test::kNone;
  std::uint32_t result = 0;             // without a test, or if it holds
  std::uint32_t otherwise = 0;          // if it does not
  std::vector<std::uint32_t> operands;  // compared with the lower half of the first argument

  bool operator==(const Decision&) const = default;
};

struct Architecture {
  std::uint32_t audit_arch = 0;             // AUDIT_ARCH_…
  std::map<std::uint32_t, Decision> calls;  // by number
  std::uint32_t last_known = 0;
  Decision known;  // for numbers up to `last_known` that are not in `calls`
};

// `unknown` is for numbers beyond the last known one and for all other architectures.
std::vector<sock_filter> build_filter(const std::vector<Architecture>& architectures,
                                      std::uint32_t unknown);

}  // namespace bld::runtime
