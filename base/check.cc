#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace bld::base {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "bld: bug: %s:%d: %s\n", file, line, condition);
  std::abort();
}

}  // namespace bld::base
