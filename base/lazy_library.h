// A shared library that is loaded when it is first called. For those that bring dozens of others
// with them: a command that does not need them starts in a third of the time.
#pragma once

#include <atomic>
#include <string>
#include <utility>

#include "base/mutex.h"

namespace bld::base {

// Lives as long as the process. Any thread.
class LazyLibrary {
 public:
  // `soname` as the headers that were compiled against belong to; `package` has it on Debian.
  constexpr LazyLibrary(const char* soname, const char* package)
      : soname_(soname), package_(package) {}

  // Throws an Error that names the package where the library is missing, and one that names the
  // symbol where it is another version than is needed.
  void* symbol(const char* name) EXCLUDES(mutex_);

 private:
  const char* soname_;
  const char* package_;
  Mutex mutex_;
  void* handle_ GUARDED_BY(mutex_) = nullptr;
};

// One of its functions: LazyFunction<decltype(::curl_easy_init)>.
template <typename Function>
class LazyFunction {
 public:
  constexpr LazyFunction(LazyLibrary& library, const char* name) : library_(library), name_(name) {}

  template <typename... Args>
  auto operator()(Args... args) {
    auto* function = reinterpret_cast<Function*>(address_.load(std::memory_order_acquire));
    if (function == nullptr) {
      void* found = library_.symbol(name_);
      address_.store(found, std::memory_order_release);
      function = reinterpret_cast<Function*>(found);
    }
    return function(args...);
  }

 private:
  LazyLibrary& library_;
  const char* name_;
  std::atomic<void*> address_ = nullptr;
};

}  // namespace bld::base
