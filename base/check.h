// BLD_CHECK: a condition that only a bug of ours can make false. Prints where, and aborts.
#pragma once

namespace bld::base {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace bld::base

#define BLD_CHECK(condition)                                                   \
  do {                                                                         \
    if (!(condition)) bld::base::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
