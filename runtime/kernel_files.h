// Files of the kernel's own file systems that tell about, or steer, the machine and not the
// container.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bld::runtime {

// Paths in a container, as the runtime-spec's maskedPaths and readonlyPaths. One that this kernel
// does not have is passed over.
struct KernelFiles {
  std::vector<std::string> masked;  // files by an empty device, directories by an empty tmpfs
  std::vector<std::string> read_only;

  static const KernelFiles& standard();  // of this machine
  static KernelFiles standard_for(long processors);

  // `pattern` is a path, also with wildcards ("/proc/*"), or "ALL".
  void show(const std::string& pattern);

  // Those that are in /proc and /sys whatever the root file system is, and the rest.
  KernelFiles of_kernel() const;
  KernelFiles of_root() const;
};

// One more than the highest number of a processor that this machine may ever have; looked up once.
long possible_processors();
// Of the kernel's list, "0-1,4-7"; nothing if it is none.
std::optional<long> count_processors(std::string_view list);

}  // namespace bld::runtime
