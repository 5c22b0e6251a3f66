#include "runtime/ending_containers.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace bld::runtime {
namespace {

// Waits in a thread of its own.
class Waiter {
 public:
  explicit Waiter(EndingContainers& containers)
      : thread_([this, &containers] {
          containers.wait();
          done_ = true;
        }) {}

  bool is_done_in_a_while() const {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return done_;
  }

  void join() { thread_.join(); }

 private:
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

TEST(EndingContainers, WithoutAnyNobodyWaits) { EndingContainers().wait(); }

TEST(EndingContainers, AllAreWaitedFor) {
  EndingContainers containers;
  base::Pipe first = base::make_pipe(), second = base::make_pipe();
  containers.add(std::move(first.read));
  containers.add(std::move(second.read));
  Waiter waiter(containers);
  EXPECT_FALSE(waiter.is_done_in_a_while());
  ASSERT_EQ(::write(second.write.get(), "x", 1), 1);  // its last report
  EXPECT_FALSE(waiter.is_done_in_a_while());
  first.write.reset();  // the launcher has gone
  waiter.join();
  containers.wait();
}

}  // namespace
}  // namespace bld::runtime
