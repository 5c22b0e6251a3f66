#include "runtime/isolation.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_io.h"
#include "tests/runtime/container.h"

namespace bld::runtime {
namespace {

// What `body` returns, in a process of its own.
template <typename Body>
int in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Isolation, MountsOfOursDoNotReachTheOutside) {
  if (!test::runtime_here().launcher) GTEST_SKIP() << test::runtime_here().missing;
  const test::TempDir temp;
  constexpr int kSeen = 3;
  // An outside whose mounts are shared, as systemd makes them, and a bld in it.
  const int result = in_child([&temp] {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr) != 0) {
      return 1;
    }
    const int inner = in_child([&temp] {
      enter_namespaces();
      return ::mount("tmpfs", temp.path().c_str(), "tmpfs", 0, nullptr) == 0 ? 0 : 2;
    });
    if (inner != 0) return inner;
    const std::string mounts = base::read_file("/proc/self/mountinfo", 1 << 20);
    return mounts.find(temp.path()) == std::string::npos ? 0 : kSeen;
  });
  EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace bld::runtime
