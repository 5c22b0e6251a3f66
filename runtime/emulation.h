// What a container is told where one id is mapped: chown, mknod, setuid and their kin succeed as
// they would with all ids, and stat() shows what they did.
//
// The kernel hands these calls, of any program, static or with threads, to a thread of ours, which
// records owners beside the files (base/owner_record.h) and remembers the ids of processes. Only
// calls of this machine's own kind are; those of 32-bit programs go to the kernel as they are.
#pragma once

#include <linux/filter.h>

#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "runtime/container_spec.h"

namespace bld::runtime {

// The filter that hands the calls over. Without the capability that a call needs, the call is left
// to the kernel, which refuses it.
std::vector<sock_filter> compile_emulation_filter(const CapabilitySet& capabilities);

// Answers the calls of one container for as long as it lives.
class Emulation {
 public:
  // `listener` is that of the filter; `user` is what the first process is told to be.
  Emulation(base::UniqueFd listener, const User& user);
  ~Emulation();
  Emulation(const Emulation&) = delete;
  Emulation& operator=(const Emulation&) = delete;

 private:
  base::UniqueFd listener_, stop_;
  std::thread thread_;
};

}  // namespace bld::runtime
