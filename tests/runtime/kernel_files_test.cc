// The kernel's files that a container must not read or write. The names are written down here once
// more: a name that is lost there is found here.
#include "runtime/kernel_files.h"

#include <sched.h>
#include <sys/mount.h>

#include "tests/runtime/container.h"

namespace bld::runtime {
namespace {

using test::ContainerTest;

class KernelFilesTest : public ContainerTest {
 protected:
  // Tells of each of `paths` that shows anything.
  static std::string look_at(const std::string& paths) {
    return "for f in " + paths +
           "; do [ -e $f ] || continue; if [ -d $f ]; then n=$(ls -A $f | wc -l); "
           "else n=$(head -c 100 $f 2>/dev/null | wc -c); fi; [ $n = 0 ] || echo $f is seen; done; "
           "echo done";
  }
};

TEST_F(KernelFilesTest, WhatTellsOfTheMachineIsHidden) {
  EXPECT_EQ(run(look_at("/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys "
                        "/proc/latency_stats /proc/sched_debug /proc/scsi /proc/timer_list "
                        "/proc/timer_stats /sys/firmware /sys/devices/virtual/powercap "
                        "/sys/devices/system/cpu/cpu*/thermal_throttle /sys/fs/selinux"))
                .output,
            "done\n");
}

TEST_F(KernelFilesTest, WhatSteersTheMachineIsReadOnly) {
  // As its own mount, or as part of one.
  const std::string output =
      run("for f in bus fs irq sys sysrq-trigger; do [ -e /proc/$f ] || continue; "
          "grep -q \" /proc/$f proc ro,\" /proc/mounts || echo $f can be written; done; "
          "grep -q ' /sys sysfs ro,' /proc/mounts || echo /sys can be written; echo done")
          .output;
  EXPECT_EQ(output, "done\n");
}

TEST(KernelFiles, ProcessorsAreCountedWithGaps) {
  EXPECT_EQ(count_processors("0-1,4-11"), 12);
  EXPECT_EQ(count_processors("0"), 1);
  EXPECT_EQ(count_processors("x"), std::nullopt);
}

// What this machine does not have is put there, in a /sys that the container is shown.
void make_fake_sys() {
  if (::unshare(CLONE_NEWNS) != 0) ::_exit(1);
  const auto cover = [](const char* directory, const std::vector<std::string>& files) {
    if (::mount("tmpfs", directory, "tmpfs", 0, nullptr) != 0) ::_exit(1);
    for (const std::string& file : files) {
      const std::filesystem::path path = std::filesystem::path(directory) / file;
      std::filesystem::create_directories(path.parent_path());
      base::write_file_atomically(path, "secret\n", 0644);
    }
  };
  cover("/sys/devices/system/cpu", {"cpu0/thermal_throttle/count", "cpu4/thermal_throttle/count",
                                    "cpu11/thermal_throttle/count", "cpu0/topology/core_id"});
  cover("/sys/devices/virtual", {"powercap/energy"});
  cover("/sys/firmware", {"table"});
  cover("/sys/fs", {"selinux/enforce"});
}

TEST_F(KernelFilesTest, WhatOtherMachinesHaveIsHiddenToo) {
  ContainerSpec wanted = spec(
      "cat /sys/devices/system/cpu/cpu0/topology/core_id; cd /sys; "
      "cat devices/system/cpu/cpu*/thermal_throttle/count devices/virtual/powercap/energy "
      "firmware/table fs/selinux/enforce 2>/dev/null; ls -d devices/system/cpu/cpu11/*");
  wanted.shared.cgroup = true;  // with the host's /sys
  wanted.kernel_files = KernelFiles::standard_for(12);
  EXPECT_EQ(from_builder(wanted, make_fake_sys),
            "secret\ndevices/system/cpu/cpu11/thermal_throttle\n");
  wanted.kernel_files.show("ALL");
  EXPECT_NE(from_builder(wanted, make_fake_sys).find("secret\nsecret\n"), std::string::npos);
}

}  // namespace
}  // namespace bld::runtime
