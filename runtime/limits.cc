#include "runtime/limits.h"

#include <sys/resource.h>

#include <algorithm>

#include "base/error.h"

namespace bld::runtime {
namespace {

Rlimit own_limit(int resource) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) {
    throw base::Error::sys("getrlimit", std::to_string(resource));
  }
  return {resource, limit.rlim_cur, limit.rlim_max};
}

}  // namespace

std::vector<Rlimit> effective_limits(const std::vector<Rlimit>& requested) {
  std::vector<Rlimit> result{{RLIMIT_CORE, 0, 0}};
  constexpr std::uint64_t kMost = 1'048'576;
  for (const int resource : {RLIMIT_NOFILE, RLIMIT_NPROC}) {
    const Rlimit own = own_limit(resource);
    if (own.hard <= kMost) continue;  // inherited as it is
    result.push_back({resource, std::min(own.soft, kMost), kMost});
  }
  for (const Rlimit& wanted : requested) {
    const std::uint64_t hard = std::min(wanted.hard, own_limit(wanted.resource).hard);
    std::erase_if(result, [&](const Rlimit& other) { return other.resource == wanted.resource; });
    result.push_back({wanted.resource, std::min(wanted.soft, hard), hard});
  }
  return result;
}

}  // namespace bld::runtime
