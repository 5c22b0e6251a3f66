#include "runtime/seccomp_policy.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace bld::runtime {
namespace {

constexpr std::array<std::pair<std::string_view, std::uint32_t>, 18> kArchitectures = {{
    {"SCMP_ARCH_X86", SCMP_ARCH_X86},
    {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
    {"SCMP_ARCH_X32", SCMP_ARCH_X32},
    {"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
    {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
    {"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
    {"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
    {"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
    {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
    {"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
    {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
    {"SCMP_ARCH_PPC", SCMP_ARCH_PPC},
    {"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
    {"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
    {"SCMP_ARCH_S390", SCMP_ARCH_S390},
    {"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
    {"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC},
    {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
}};

constexpr std::array<std::pair<std::string_view, scmp_compare>, 7> kComparisons = {{
    {"SCMP_CMP_NE", SCMP_CMP_NE},
    {"SCMP_CMP_LT", SCMP_CMP_LT},
    {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
    {"SCMP_CMP_GE", SCMP_CMP_GE},
    {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
}};

template <typename Table>
auto look_up(const Table& table, std::string_view name, const char* what) {
  for (const auto& [candidate, value] : table) {
    if (candidate == name) return value;
  }
  throw base::Error("seccomp: unknown {} \"{}\"", what, base::printable(name));
}

std::uint32_t action_value(const SeccompPolicy::Action& action) {
  const std::map<std::string_view, std::uint32_t> plain = {
      {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
      {"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
      {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
      {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
      {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
      {"SCMP_ACT_LOG", SCMP_ACT_LOG}};
  if (action.name == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(action.error);
  if (action.name == "SCMP_ACT_TRACE" || action.name == "SCMP_ACT_NOTIFY") {
    throw base::Error("seccomp: {} needs a process that answers, and a step has none", action.name);
  }
  return look_up(plain, action.name, "action");
}

void check(int result, const std::string& what) {
  if (result < 0) throw base::Error::sys("seccomp", what, -result);
}

using Context = std::unique_ptr<void, decltype(&seccomp_release)>;

// docker's profiles test one argument several times in a rule ("this bit, or that one"): each test
// is a rule of its own then, as the other readers of these profiles have it.
std::vector<std::vector<scmp_arg_cmp>> tests_of(const SeccompPolicy::Rule& rule) {
  std::vector<scmp_arg_cmp> all;
  std::set<unsigned> seen;
  bool repeated = false;
  for (const SeccompPolicy::Argument& argument : rule.arguments) {
    if (argument.index > 5) throw base::Error("seccomp: a call has no argument {}", argument.index);
    const scmp_compare comparison = look_up(kComparisons, argument.comparison, "comparison");
    all.push_back({argument.index, comparison, argument.value, argument.second_value});
    repeated |= !seen.insert(argument.index).second;
  }
  if (!repeated) return {all};
  std::vector<std::vector<scmp_arg_cmp>> single;
  for (const scmp_arg_cmp& test : all) single.push_back({test});
  return single;
}

void add_rule(const Context& context, const SeccompPolicy::Rule& rule, std::uint32_t fallback) {
  const std::uint32_t action = action_value(rule.action);
  const auto tests = tests_of(rule);
  if (action == fallback) return;  // libseccomp refuses rules that say nothing
  for (const std::string& name : rule.names) {
    const int number = seccomp_syscall_resolve_name(name.c_str());
    if (number == __NR_SCMP_ERROR) continue;
    for (const auto& test : tests) {
      const int result = seccomp_rule_add_array(context.get(), action, number,
                                                static_cast<unsigned>(test.size()), test.data());
      // A call that one of the architectures does not have, or that says the same again.
      if (result != -EDOM && result != -EEXIST) check(result, name);
    }
  }
}

std::vector<sock_filter> exported(const Context& context) {
  const base::UniqueFd file(::memfd_create("bld-seccomp", MFD_CLOEXEC));
  if (!file) throw base::Error::sys("memfd_create", "seccomp");
  check(seccomp_export_bpf(context.get(), file.get()), "export");
  ::lseek(file.get(), 0, SEEK_SET);
  const std::string bytes = base::read_fd(file.get(), 1 << 20);
  std::vector<sock_filter> filter(bytes.size() / sizeof(sock_filter));
  std::memcpy(filter.data(), bytes.data(), filter.size() * sizeof(sock_filter));
  if (filter.size() > BPF_MAXINSNS) {
    throw base::Error("seccomp: the policy is larger than the kernel takes");
  }
  return filter;
}

}  // namespace

std::vector<sock_filter> compile_policy(const SeccompPolicy& policy) {
  const std::uint32_t fallback = action_value(policy.default_action);
  const Context context(seccomp_init(fallback), seccomp_release);
  if (!context) throw base::Error("seccomp: the default action cannot be used");
  for (const std::string& name : policy.architectures) {
    const int result =
        seccomp_arch_add(context.get(), look_up(kArchitectures, name, "architecture"));
    if (result != -EEXIST) check(result, name);
  }
  // The filter is loaded by who may; set-uid programs of the image keep working.
  check(seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_NNP, 0), "attribute");
  check(seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "attribute");
  for (const SeccompPolicy::Rule& rule : policy.rules) add_rule(context, rule, fallback);
  return exported(context);
}

std::string native_seccomp_architecture() {
  for (const auto& [name, value] : kArchitectures) {
    if (value == seccomp_arch_native()) return std::string(name);
  }
  return "";
}

}  // namespace bld::runtime
