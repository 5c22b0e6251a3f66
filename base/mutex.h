// A mutex with the annotations of clang's thread-safety analysis (-Wthread-safety).
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define BLD_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define BLD_THREAD_ANNOTATION(x)
#endif

#define CAPABILITY(x) BLD_THREAD_ANNOTATION(capability(x))
#define SCOPED_CAPABILITY BLD_THREAD_ANNOTATION(scoped_lockable)
#define GUARDED_BY(x) BLD_THREAD_ANNOTATION(guarded_by(x))
#define REQUIRES(...) BLD_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) BLD_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASE(...) BLD_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define EXCLUDES(...) BLD_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS BLD_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace bld::base {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }

  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }

  ~MutexLock() RELEASE() { mutex_.unlock(); }

  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits are loops over a condition, written out, so that the analysis sees the guarded reads.
class CondVar {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }

  // False when `timeout` passed.
  bool wait_for(Mutex& mutex, std::chrono::milliseconds timeout)
      REQUIRES(mutex) NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool woken = condition_.wait_for(lock, timeout) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }

  void notify_one() { condition_.notify_one(); }

  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace bld::base
