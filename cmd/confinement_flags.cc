#include "cmd/confinement_flags.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "cmd/options.h"

namespace bld::cmd {

using base::Error;

namespace {

std::uint64_t parse_count(const std::string& text) {
  const auto number = base::parse_unsigned(text);
  if (!number || *number > (1ULL << 62)) throw Error("\"{}\" is no number", base::printable(text));
  return *number;
}

// A number, or -1 for no limit.
std::int64_t parse_count_or_unlimited(const std::string& text) {
  return text == "-1" ? -1 : static_cast<std::int64_t>(parse_count(text));
}

// "0-2,5", as the kernel reads it.
std::string parse_cpuset(std::string text) {
  for (const std::string& range : base::split(text, ',')) {
    const auto ends = base::split(range, '-');
    const bool good = ends.size() <= 2 && base::parse_unsigned(ends.front()).has_value() &&
                      base::parse_unsigned(ends.back()).has_value();
    if (!good) throw Error("\"{}\" is no list as \"0-2,5\" is", base::printable(text));
  }
  return text;
}

}  // namespace

void ConfinementFlags::declare(FlagSet& flags) {
  flags.add_list("security-opt", "OPTION", security_options_,
                 "seccomp=FILE, seccomp=unconfined, no-new-privileges, mask=PATH, unmask=ALL|PATH");
  flags.add(
      "memory,m", "SIZE",
      [this](const std::string& text) { limits_.memory_bytes = parse_bytes(text); },
      "most memory that a command may use");
  flags.add(
      "memory-swap", "SIZE",
      [this](const std::string& text) {
        limits_.memory_swap_bytes =
            text == "-1" ? -1 : static_cast<std::int64_t>(parse_bytes(text));
      },
      "most memory and swap together; -1: as much swap as there is");
  flags.add(
      "pids-limit", "N",
      [this](const std::string& text) {
        const std::int64_t count = parse_count_or_unlimited(text);
        limits_.pids = count == 0 ? -1 : count;
      },
      "most processes and threads of a command (default 2048 where groups are delegated); -1: no "
      "limit");
  flags.add_text("cgroup-parent", "GROUP", limits_.cgroup_parent,
                 "control group that holds the commands' groups");
  declare_processor(flags);
}

void ConfinementFlags::declare_processor(FlagSet& flags) {
  flags.add(
      "cpu-shares,c", "N",
      [this](const std::string& text) { limits_.cpu_shares = parse_count(text); },
      "share of the processors, where 1024 is the usual one");
  flags.add(
      "cpu-period", "MICROSECONDS",
      [this](const std::string& text) { limits_.cpu_period_us = parse_count(text); },
      "period of --cpu-quota (default 100000)");
  flags.add(
      "cpu-quota", "MICROSECONDS",
      [this](const std::string& text) { limits_.cpu_quota_us = parse_count_or_unlimited(text); },
      "processor time that a command may use in each period");
  flags.add(
      "cpuset-cpus", "LIST",
      [this](const std::string& text) { limits_.cpuset_cpus = parse_cpuset(text); },
      "processors that may be used, as 0-2,5");
  flags.add(
      "cpuset-mems", "LIST",
      [this](const std::string& text) { limits_.cpuset_mems = parse_cpuset(text); },
      "memory nodes that may be used");
}

builder::Confinement ConfinementFlags::confinement(const std::vector<std::string>& cap_add,
                                                   const std::vector<std::string>& cap_drop,
                                                   const std::string& default_profile) const {
  if (limits_.memory_swap_bytes != 0 && limits_.memory_bytes == 0) {
    throw Error("--memory-swap needs --memory");
  }
  if (limits_.memory_swap_bytes > 0 &&
      static_cast<std::uint64_t>(limits_.memory_swap_bytes) < limits_.memory_bytes) {
    throw Error("--memory-swap is memory and swap together, and less than --memory");
  }
  builder::Confinement confinement;
  confinement.limits = limits_;
  const auto capabilities = runtime::CapabilitySet::container_default(cap_add, cap_drop);
  std::vector<std::string> options = security_options_;
  const bool names_profile =
      std::any_of(options.begin(), options.end(),
                  [](const std::string& option) { return option.starts_with("seccomp"); });
  if (!names_profile && !default_profile.empty()) options.push_back("seccomp=" + default_profile);
  for (const std::string& option : options) {
    try {
      builder::add_security_option(confinement, option, capabilities);
    } catch (Error& error) {
      error.add_context("--security-opt");
      throw;
    }
  }
  return confinement;
}

}  // namespace bld::cmd
