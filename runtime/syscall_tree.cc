#include "runtime/syscall_tree.h"

#include <linux/seccomp.h>

#include <bit>
#include <cstddef>
#include <map>
#include <span>

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

// Written from its end: jumps only go forward, so that where they lead to is there before them, and
// what returns the same value is there once, not at each leaf.
class Writer {
 public:
  // Places count from the end of the program.
  using Place = std::size_t;

  Place statement(std::uint16_t code, std::uint32_t operand) { return add({code, 0, 0, operand}); }

  Place jump(std::uint16_t test, std::uint32_t operand, Place if_true, Place if_false) {
    return add({static_cast<std::uint16_t>(BPF_JMP | test | BPF_K),
                static_cast<std::uint8_t>(near(if_true)), static_cast<std::uint8_t>(near(if_false)),
                operand});
  }

  Place jump_far(Place target) {
    return statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(distance(target)));
  }

  Place give(std::uint32_t value) {
    const auto known = returns_.find(value);
    // Some more comes before whoever jumps there.
    if (known != returns_.end() && distance(known->second) < 200) return known->second;
    return returns_[value] = statement(BPF_RET | BPF_K, value);
  }

  // Where the program so far begins.
  Place first() const { return reversed_.size() - 1; }

  Program finish() const { return {reversed_.rbegin(), reversed_.rend()}; }

 private:
  Place add(sock_filter instruction) {
    reversed_.push_back(instruction);
    return first();
  }

  std::size_t distance(Place target) const { return reversed_.size() - target - 1; }

  std::size_t near(Place target) const {
    BLD_CHECK(distance(target) < 256);
    return distance(target);
  }

  Program reversed_;
  std::map<std::uint32_t, Place> returns_;  // the latest of each
};

Writer::Place write_leaf(Writer& writer, const Decision& decision) {
  if (decision.test == Decision::Test::kNone) return writer.give(decision.result);
  const Writer::Place result = writer.give(decision.result);
  const Writer::Place otherwise = writer.give(decision.otherwise);
  const bool is_one_of = decision.test == Decision::Test::kEqualsOneOf;
  const std::uint16_t test = decision.test == Decision::Test::kMaskedZero ? BPF_JSET : BPF_JEQ;
  Writer::Place next = is_one_of ? otherwise : result;
  for (auto operand = decision.operands.rbegin(); operand != decision.operands.rend(); ++operand) {
    next = writer.jump(test, *operand, is_one_of ? result : otherwise, next);
  }
  return writer.statement(BPF_LD | BPF_W | BPF_ABS, kArgumentOffset);
}

// With the number in the accumulator.
Writer::Place write_search(Writer& writer, std::span<const Range> ranges) {
  if (ranges.size() == 1) return write_leaf(writer, ranges.front().decision);
  const std::size_t middle = ranges.size() / 2;
  const Writer::Place above = write_search(writer, ranges.subspan(middle));
  const Writer::Place below = write_search(writer, ranges.first(middle));
  return writer.jump(BPF_JGE, ranges[middle].first, above, below);
}

}  // namespace

Program build_filter(const std::vector<Architecture>& architectures, std::uint32_t unknown) {
  Writer writer;
  Writer::Place other = writer.give(unknown);
  for (auto architecture = architectures.rbegin(); architecture != architectures.rend();
       ++architecture) {
    const Writer::Place tree = write_search(writer, ranges_of(*architecture, unknown));
    if (tree != writer.first()) writer.jump_far(tree);
    const Writer::Place number = writer.statement(BPF_LD | BPF_W | BPF_ABS, kNumberOffset);
    // Too far for a conditional jump.
    const Writer::Place elsewhere = writer.jump_far(other);
    writer.jump(BPF_JEQ, architecture->audit_arch, number, elsewhere);
    other = writer.statement(BPF_LD | BPF_W | BPF_ABS, kArchOffset);
  }
  return writer.finish();
}

}  // namespace bld::runtime
