#include "runtime/kernel_files.h"

#include <fnmatch.h>
#include <unistd.h>

#include <string>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"

namespace bld::runtime {
namespace {

long look_up_processors() {
  try {
    const std::string text = base::read_file("/sys/devices/system/cpu/possible", 4096);
    if (const auto count = count_processors(base::trim(text))) return *count;
  } catch (const base::Error&) {
    // No such file: the C library has other ways to know.
  }
  return ::sysconf(_SC_NPROCESSORS_CONF);
}

bool is_of_kernel(const std::string& path) {
  return (path.starts_with("/proc/") || path.starts_with("/sys/")) &&
         path.find("/..") == std::string::npos;
}

KernelFiles filtered(KernelFiles files, bool of_kernel) {
  const auto is_other = [=](const std::string& path) { return is_of_kernel(path) != of_kernel; };
  std::erase_if(files.masked, is_other);
  std::erase_if(files.read_only, is_other);
  return files;
}

}  // namespace

KernelFiles KernelFiles::standard_for(long processors) {
  KernelFiles files;
  for (const char* name : {"acpi", "asound", "interrupts", "kcore", "keys", "latency_stats",
                           "sched_debug", "scsi", "timer_list", "timer_stats"}) {
    files.masked.push_back(std::string("/proc/") + name);
  }
  for (const char* name : {"firmware", "devices/virtual/powercap", "fs/selinux"}) {
    files.masked.push_back(std::string("/sys/") + name);
  }
  for (long cpu = 0; cpu < processors; ++cpu) {
    files.masked.push_back(fmt::format("/sys/devices/system/cpu/cpu{}/thermal_throttle", cpu));
  }
  for (const char* name : {"bus", "fs", "irq", "sys", "sysrq-trigger"}) {
    files.read_only.push_back(std::string("/proc/") + name);
  }
  return files;
}

const KernelFiles& KernelFiles::standard() {
  static const KernelFiles files = standard_for(possible_processors());
  return files;
}

void KernelFiles::show(const std::string& pattern) {
  const bool all = base::to_lower(pattern) == "all";
  const auto matches = [&](const std::string& path) {
    return all || ::fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0;
  };
  std::erase_if(masked, matches);
  std::erase_if(read_only, matches);
}

KernelFiles KernelFiles::of_kernel() const { return filtered(*this, true); }

KernelFiles KernelFiles::of_root() const { return filtered(*this, false); }

// Numbers may be missing in between, so that counting them is not enough.
std::optional<long> count_processors(std::string_view list) {
  const auto last = base::parse_unsigned(list.substr(list.find_last_of(",-") + 1));
  if (!last || *last >= 1'000'000) return std::nullopt;
  return static_cast<long>(*last) + 1;
}

long possible_processors() {
  static const long result = look_up_processors();
  return result;
}

}  // namespace bld::runtime
