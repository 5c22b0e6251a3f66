#include "runtime/cgroup.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/unique_fd.h"
#include "tests/runtime/container.h"
#include "tests/support/temp_dir.h"

namespace bld::runtime {
namespace {

using test::ContainerTest;
using test::TempDir;

// A directory that looks like a delegated group of version 2.
class UnifiedTest : public ::testing::Test {
 protected:
  UnifiedTest() {
    temp_.write("own/cgroup.controllers", "cpuset cpu memory pids\n");
    temp_.write("own/cgroup.subtree_control", "cpuset cpu memory pids\n");
    temp_.write("own/cgroup.procs", "");
    for (const char* name : {"memory", "cpu", "cpuset", "pids"}) {
      places_.controllers[name] = {temp_.path(), temp_ / "own", true};
    }
  }

  // The group that was made.
  std::filesystem::path group() const {
    for (const auto& entry : std::filesystem::directory_iterator(temp_ / "own")) {
      if (entry.is_directory()) return entry.path();
    }
    return {};
  }

  std::string value(const char* file) const {
    return std::filesystem::exists(group() / file) ? base::read_file(group() / file, 100) : "";
  }

  TempDir temp_;
  CgroupPlaces places_;
};

TEST_F(UnifiedTest, DockersWordsBecomeThoseOfVersionTwo) {
  ResourceLimits limits;
  limits.memory_bytes = 64 << 20;
  limits.memory_swap_bytes = 96 << 20;
  limits.cpu_shares = 1024;
  limits.cpu_quota_us = 50000;
  limits.cpuset_cpus = "0-1";
  limits.pids = 20;
  const Cgroup cgroup(limits, places_);
  EXPECT_EQ(cgroup.missing(), std::vector<std::string>{});
  EXPECT_EQ(cgroup.entrances().size(), 1U);
  EXPECT_EQ(value("memory.max"), "67108864");
  EXPECT_EQ(value("memory.swap.max"), "33554432");
  EXPECT_EQ(value("cpu.weight"), "39");
  EXPECT_EQ(value("cpu.max"), "50000 100000");
  EXPECT_EQ(value("cpuset.cpus"), "0-1");
  EXPECT_EQ(value("pids.max"), "20");
}

TEST_F(UnifiedTest, AParentIsMadeAndEnteredAlsoWithoutALimit) {
  temp_.write("cgroup.subtree_control", "");
  ResourceLimits limits;
  limits.cgroup_parent = "/mine";
  const Cgroup cgroup(limits, places_);
  EXPECT_EQ(cgroup.missing(), std::vector<std::string>{});
  EXPECT_EQ(cgroup.entrances().size(), 1U);
  const auto begin = std::filesystem::directory_iterator(temp_ / "mine");
  EXPECT_TRUE(begin->path().filename().string().starts_with("bld-"));
}

TEST(Cgroup, AParentThatCannotBeUsedIsTold) {
  ResourceLimits limits;
  limits.cgroup_parent = "/mine";
  const Cgroup cgroup(limits, CgroupPlaces());
  ASSERT_EQ(cgroup.missing().size(), 1U);
  EXPECT_TRUE(cgroup.missing()[0].starts_with("--cgroup-parent is not used"));
}

TEST_F(UnifiedTest, UnlimitedSwapIsTheWordMax) {
  ResourceLimits limits;
  limits.memory_bytes = 1 << 20;
  limits.memory_swap_bytes = -1;
  const Cgroup cgroup(limits, places_);
  EXPECT_EQ(value("memory.swap.max"), "max");
}

TEST_F(UnifiedTest, OomKillsAreCounted) {
  ResourceLimits limits;
  limits.memory_bytes = 1 << 20;
  const Cgroup cgroup(limits, places_);
  EXPECT_EQ(cgroup.oom_kills(), 0U);
  base::write_file_atomically(group() / "memory.events", "low 0\noom 3\noom_kill 2\n", 0644);
  EXPECT_EQ(cgroup.oom_kills(), 2U);
}

TEST_F(UnifiedTest, AControllerThatIsNotDelegatedIsTold) {
  temp_.write("own/cgroup.controllers", "cpu\n");
  temp_.write("own/cgroup.subtree_control", "cpu\n");
  ResourceLimits limits;
  limits.memory_bytes = 1 << 20;
  limits.cpu_shares = 2;
  const Cgroup cgroup(limits, places_);
  ASSERT_EQ(cgroup.missing().size(), 1U);
  EXPECT_EQ(cgroup.missing()[0], "--memory is not enforced: its controller is not delegated to " +
                                     (temp_ / "own").string());
  EXPECT_EQ(value("cpu.weight"), "1");
}

TEST_F(UnifiedTest, ADelegatedGroupLimitsProcessesUnlessToldOtherwise) {
  EXPECT_EQ(with_default_pids({}, places_).pids, 2048);
  ResourceLimits limits;
  for (const std::int64_t count : {std::int64_t{-1}, std::int64_t{7}}) {
    limits.pids = count;
    EXPECT_EQ(with_default_pids(limits, places_).pids, count);
  }
  limits.pids = -1;
  EXPECT_FALSE(limits.any());
  places_.controllers["pids"].unified = false;
  EXPECT_EQ(with_default_pids({}, places_).pids, 0);
  places_.controllers["pids"] = {temp_.path(), "/nowhere", true};
  EXPECT_EQ(with_default_pids({}, places_).pids, 0);
}

TEST_F(UnifiedTest, GroupsOfDeadProcessesAreRemoved) {
  std::filesystem::create_directories(temp_ / "own/bld-1-0");
  ResourceLimits limits;
  limits.pids = 5;
  const Cgroup first(limits, places_);
  EXPECT_FALSE(std::filesystem::exists(temp_ / "own/bld-1-0"));
  const std::filesystem::path used = group();
  const Cgroup second(limits, places_);
  EXPECT_TRUE(std::filesystem::exists(used));
}

TEST(Cgroup, AMachineWithoutControllersIsTold) {
  ResourceLimits limits;
  limits.pids = 5;
  const Cgroup cgroup(limits, CgroupPlaces{});
  ASSERT_EQ(cgroup.missing().size(), 1U);
  EXPECT_NE(cgroup.missing()[0].find("--pids-limit is not enforced"), std::string::npos);
  EXPECT_TRUE(cgroup.entrances().empty());
}

TEST(Cgroup, WithoutLimitsThereIsNone) {
  const Cgroup cgroup(ResourceLimits{});
  EXPECT_TRUE(cgroup.entrances().empty());
  EXPECT_TRUE(cgroup.missing().empty());
}

// What this machine lets us do.
class LimitsTest : public ContainerTest {
 protected:
  void need(const ResourceLimits& limits) {
    for (const std::string& line : unenforced(limits)) GTEST_SKIP() << line;
  }

  ContainerSpec limited(const std::string& script, const ResourceLimits& limits) const {
    ContainerSpec result = spec(script);
    result.limits = limits;
    return result;
  }
};

TEST_F(LimitsTest, AForkBombEndsAtThePidsLimit) {
  ResourceLimits limits;
  limits.pids = 16;
  need(limits);
  if (IsSkipped()) return;
  const auto result =
      run(limited("i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i+1)); done; jobs | wc -l", limits));
  EXPECT_NE(result.error_output.find("fork"), std::string::npos) << result.output;
  EXPECT_NE(result.exit.status, 0);
}

TEST_F(LimitsTest, AForkBombIsHeldAndGoesWithTheStep) {
  ResourceLimits limits;
  limits.pids = 64;
  need(limits);
  if (IsSkipped()) return;
  const auto start = std::chrono::steady_clock::now();
  const auto result = run(limited("bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 1", limits));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  EXPECT_EQ(run(limited("ps | wc -l", limits)).exit.status, 0);
}

TEST_F(LimitsTest, ACommandThatRunsOutOfMemoryIsReportedAsSuch) {
  ResourceLimits limits;
  limits.memory_bytes = 16 << 20;
  need(limits);
  if (IsSkipped()) return;
  const auto result = run(limited("dd if=/dev/zero of=/dev/null bs=200M count=1", limits));
  EXPECT_NE(result.exit.status, 0);
  EXPECT_TRUE(result.exit.oom_killed);
  EXPECT_FALSE(run(limited("true; exit 3", limits)).exit.oom_killed);
}

// Those of running containers are locked: other tests may have some at the same time.
std::vector<std::string> abandoned_groups(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("bld-")) continue;
    const base::UniqueFd group(::open(entry.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (group && ::flock(group.get(), LOCK_EX | LOCK_NB) == 0) names.push_back(name);
  }
  return names;
}

TEST_F(LimitsTest, NothingIsLeftOfTheGroup) {
  ResourceLimits limits;
  limits.pids = 16;
  need(limits);
  if (IsSkipped()) return;
  EXPECT_EQ(run(limited("grep -c bld- /proc/self/cgroup", limits)).output, "0\n");
  const auto own = CgroupPlaces::of_this_process().controllers.at("pids").own;
  EXPECT_EQ(abandoned_groups(own), std::vector<std::string>());
}

}  // namespace
}  // namespace bld::runtime
