#include "runtime/syscall_tree.h"

#include <linux/seccomp.h>

#include <bit>
#include <cstddef>

#include "base/check.h"

namespace bld::runtime {
namespace {

using Program = std::vector<sock_filter>;

// Numbers from `first` to the next range's.
struct Range {
  std::uint32_t first = 0;
  Decision decision;
};

constexpr std::uint32_t kNumberOffset = offsetof(seccomp_data, nr);
constexpr std::uint32_t kArchOffset = offsetof(seccomp_data, arch);
constexpr std::uint32_t kArgumentOffset =
    offsetof(seccomp_data, args) + (std::endian::native == std::endian::big ? 4 : 0);

sock_filter statement(std::uint16_t code, std::uint32_t operand) { return {code, 0, 0, operand}; }

sock_filter jump(std::uint16_t test, std::uint32_t operand, std::size_t if_true,
                 std::size_t if_false) {
  BLD_CHECK(if_true < 256 && if_false < 256);
  return {static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), static_cast<std::uint8_t>(if_true),
          static_cast<std::uint8_t>(if_false), operand};
}

std::vector<Range> ranges_of(const Architecture& architecture, std::uint32_t unknown) {
  std::vector<Range> ranges;
  const auto add = [&ranges](std::uint32_t first, const Decision& decision) {
    if (ranges.empty() || ranges.back().decision != decision) ranges.push_back({first, decision});
  };
  for (std::uint32_t number = 0; number <= architecture.last_known; ++number) {
    const auto call = architecture.calls.find(number);
    add(number, call == architecture.calls.end() ? architecture.known : call->second);
  }
  Decision beyond;
  beyond.result = unknown;
  add(architecture.last_known + 1, beyond);
  return ranges;
}

Program leaf(const Decision& decision) {
  Program program;
  const auto finish = [&program](std::uint32_t value) {
    program.push_back(statement(BPF_RET | BPF_K, value));
  };
  if (decision.test == Decision::Test::kNone) {
    finish(decision.result);
    return program;
  }
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, kArgumentOffset));
  const std::size_t count = decision.operands.size();
  for (std::size_t i = 0; i < count; ++i) {
    // The two results follow the tests, `result` first.
    const std::size_t to_result = count - 1 - i, to_otherwise = to_result + 1;
    const bool last = i + 1 == count;
    switch (decision.test) {
      case Decision::Test::kEqualsOneOf:
        program.push_back(jump(BPF_JEQ, decision.operands[i], to_result, last ? to_otherwise : 0));
        break;
      case Decision::Test::kNotEqual:
        program.push_back(jump(BPF_JEQ, decision.operands[i], to_otherwise, last ? to_result : 0));
        break;
      case Decision::Test::kMaskedZero:
        program.push_back(jump(BPF_JSET, decision.operands[i], to_otherwise, last ? to_result : 0));
        break;
      case Decision::Test::kNone:
        break;
    }
  }
  finish(decision.result);
  finish(decision.otherwise);
  return program;
}

// With the number in the accumulator.
Program search(const std::vector<Range>& ranges, std::size_t begin, std::size_t end) {
  if (end - begin == 1) return leaf(ranges[begin].decision);
  const std::size_t middle = begin + (end - begin) / 2;
  const Program below = search(ranges, begin, middle), above = search(ranges, middle, end);
  Program program{jump(BPF_JGE, ranges[middle].first, below.size(), 0)};
  program.insert(program.end(), below.begin(), below.end());
  program.insert(program.end(), above.begin(), above.end());
  return program;
}

}  // namespace

Program build_filter(const std::vector<Architecture>& architectures, std::uint32_t unknown) {
  Program program;
  for (const Architecture& architecture : architectures) {
    const std::vector<Range> ranges = ranges_of(architecture, unknown);
    const Program tree = search(ranges, 0, ranges.size());
    program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, kArchOffset));
    // Too far for a conditional jump.
    program.push_back(jump(BPF_JEQ, architecture.audit_arch, 1, 0));
    program.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(tree.size() + 1)));
    program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, kNumberOffset));
    program.insert(program.end(), tree.begin(), tree.end());
  }
  program.push_back(statement(BPF_RET | BPF_K, unknown));
  return program;
}

}  // namespace bld::runtime
