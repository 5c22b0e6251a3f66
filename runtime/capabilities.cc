#include "runtime/capabilities.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"

namespace bld::runtime {
namespace {

// In the order of their numbers, capability(7) as of Linux 5.9.
constexpr std::array<std::string_view, 41> kNames = {
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
};

// "CAP_CHOWN" and "chown" are "CHOWN".
std::string short_name(std::string_view name) {
  std::string upper = base::to_upper(name);
  if (upper.starts_with("CAP_")) upper.erase(0, 4);
  return upper;
}

int number_of(std::string_view name) {
  const std::string wanted = short_name(name);
  for (std::size_t number = 0; number < kNames.size(); ++number) {
    if (kNames[number] == wanted) return static_cast<int>(number);
  }
  base::Error error("unknown capability \"{}\"", base::printable(name));
  if (const auto near = base::nearest(wanted, kNames))
    error.hint("did you mean CAP_" + *near + "?");
  throw error;
}

}  // namespace

CapabilitySet CapabilitySet::container_default() {
  CapabilitySet set;
  for (const std::string_view name :
       {"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "NET_RAW", "MKNOD",
        "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT", "AUDIT_WRITE"}) {
    set.add(name);
  }
  return set;
}

CapabilitySet CapabilitySet::container_default(const std::vector<std::string>& add,
                                               const std::vector<std::string>& drop) {
  const auto is_all = [](const std::string& name) { return short_name(name) == "ALL"; };
  const bool drops_all = std::any_of(drop.begin(), drop.end(), is_all);
  const bool adds_all = std::any_of(add.begin(), add.end(), is_all);
  if (drops_all && adds_all) throw base::Error("all capabilities are both added and dropped");
  CapabilitySet set = drops_all ? CapabilitySet() : adds_all ? all() : container_default();
  for (const std::string& name : add) {
    if (!is_all(name)) set.add(name);
  }
  for (const std::string& name : drop) {
    if (is_all(name)) continue;
    const auto same = [&](const std::string& other) {
      return short_name(other) == short_name(name);
    };
    if (std::any_of(add.begin(), add.end(), same)) {
      throw base::Error("capability \"{}\" is both added and dropped", base::printable(name));
    }
    set.drop(name);
  }
  return set;
}

CapabilitySet CapabilitySet::permitted() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) throw base::Error::sys("capget", "");
  return CapabilitySet(data[0].permitted | std::uint64_t{data[1].permitted} << 32);
}

CapabilitySet CapabilitySet::all() {
  return CapabilitySet((std::uint64_t{1} << kNames.size()) - 1);
}

void CapabilitySet::add(std::string_view name) {
  bits_ |= short_name(name) == "ALL" ? all().bits_ : std::uint64_t{1} << number_of(name);
}

void CapabilitySet::drop(std::string_view name) {
  bits_ &= ~(short_name(name) == "ALL" ? all().bits_ : std::uint64_t{1} << number_of(name));
}

bool CapabilitySet::has(std::string_view name) const { return has(number_of(name)); }

std::vector<std::string> CapabilitySet::names() const {
  std::vector<std::string> result;
  for (std::size_t number = 0; number < kNames.size(); ++number) {
    if (has(static_cast<int>(number))) result.push_back("CAP_" + std::string(kNames[number]));
  }
  return result;
}

}  // namespace bld::runtime
