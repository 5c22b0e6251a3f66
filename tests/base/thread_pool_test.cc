#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

namespace bld::base {
namespace {

TEST(ThreadPool, RunsEverythingAndHandsBackValues) {
  ThreadPool pool(2);
  std::vector<std::future<int>> futures;
  for (int i = 0; i < 100; ++i) futures.push_back(pool.submit([i] { return i * i; }));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(futures[static_cast<std::size_t>(i)].get(), i * i);
}

TEST(ThreadPool, HandsBackWhatATaskThrows) {
  ThreadPool pool(1);
  auto future = pool.submit([]() -> int { throw std::runtime_error("x"); });
  EXPECT_THROW(future.get(), std::runtime_error);
}

TEST(ThreadPool, DestructorRunsWhatIsQueued) {
  std::atomic<int> count = 0;
  {
    ThreadPool pool(2);
    for (int i = 0; i < 50; ++i) pool.submit([&] { ++count; });
  }
  EXPECT_EQ(count, 50);
}

}  // namespace
}  // namespace bld::base
