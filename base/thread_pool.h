// Bounded workers that hand back what they throw.
#pragma once

#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/mutex.h"

namespace bld::base {

// Tasks run in the order in which they came. The destructor runs what is queued, then joins.
class ThreadPool {
 public:
  explicit ThreadPool(unsigned threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Any thread. What the task throws comes out of the future. A task must not wait for one that
  // was submitted later.
  template <typename Function>
  auto submit(Function function) -> std::future<std::invoke_result_t<Function>> {
    auto task =
        std::make_shared<std::packaged_task<std::invoke_result_t<Function>()>>(std::move(function));
    auto future = task->get_future();
    enqueue([task] { (*task)(); });
    return future;
  }

 private:
  void enqueue(std::function<void()> task) EXCLUDES(mutex_);
  void work() EXCLUDES(mutex_);

  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> tasks_ GUARDED_BY(mutex_);
  bool ending_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

// What `--jobs 0` means: the processors that this process may use.
unsigned usable_processors();

}  // namespace bld::base
