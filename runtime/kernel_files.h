// Files of the kernel's own file systems that tell about, or steer, the machine and not the
// container.
#pragma once

namespace bld::runtime {

// Hidden: files by an empty device, directories by an empty file system. Besides these, what the
// processors tell of their heat (cpu*/thermal_throttle).
inline constexpr const char* kHiddenInProc[] = {
    "acpi",          "asound",      "interrupts", "kcore",      "keys",
    "latency_stats", "sched_debug", "scsi",       "timer_list", "timer_stats"};
inline constexpr const char* kHiddenInSys[] = {"firmware", "devices/virtual/powercap",
                                               "fs/selinux"};

inline constexpr const char* kReadOnlyInProc[] = {"bus", "fs", "irq", "sys", "sysrq-trigger"};

// One more than the highest number of a processor that this machine may ever have; looked up once.
long possible_processors();

}  // namespace bld::runtime
