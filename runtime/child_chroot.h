// The part of the code between fork and exec for a chroot, and what its init process does for want
// of a pid namespace: system calls only, as in child_setup.
#pragma once

#include <sys/types.h>

namespace bld::runtime {

// In the init process, before the command: everything that the command leaves behind becomes our
// child, and the death of the launcher is told to us. Returns a descriptor of /proc; -1: errno.
int become_reaper();

// In the command's process: `directory` becomes its root. 0, or -1 with errno.
int enter_chroot(int directory);

// In the command's process, at last: it does not outlive its init.
void die_with_init();

// In the init process: waits for the command and for the launcher's word, and returns the command's
// wait status when all that ran is dead. `lifeline` hangs up when the launcher is gone; then it
// does not return.
int wait_and_kill_rest(pid_t command, int proc, int lifeline);

}  // namespace bld::runtime
