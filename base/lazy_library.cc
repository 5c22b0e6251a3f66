#include "base/lazy_library.h"

#include <dlfcn.h>

#include "base/error.h"

namespace bld::base {

void* LazyLibrary::symbol(const char* name) {
  MutexLock lock(mutex_);
  if (handle_ == nullptr) {
    handle_ = ::dlopen(soname_, RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr) {
      const char* why = ::dlerror();
      throw Error("{} cannot be loaded: {}", soname_, why != nullptr ? why : "unknown error")
          .hint(fmt::format("install {}", package_));
    }
  }
  void* found = ::dlsym(handle_, name);
  if (found == nullptr) throw Error("{} has no {}", soname_, name);
  return found;
}

}  // namespace bld::base
