#!/usr/bin/env python3
"""The code between fork and exec makes system calls only: the symbols that its object files need.

fork_exec_calls.py child_setup.cc.o child_bundle.cc.o: everything that they call must be a thin wrapper of one system call, or
work on memory that it is given. What allocates, locks, logs or throws is not in this list."""

import subprocess
import sys

ALLOWED = set("""
__errno_location _exit chdir close close_range dup2 execve explicit_bzero faccessat fchdir fchown fsconfig fsmount fsopen fstat fstatat
fstatfs getpid getrusage ioctl kill memcpy memmove memset mkdir mkdirat mmap mount mount_setattr move_mount munmap open open_tree openat
poll prctl read recvmsg sendmsg sethostname setns setrlimit setsid sigaddset sigemptyset sigprocmask sigtimedwait sigwaitinfo strlen
strncmp syscall umask umount2 unlinkat unshare vfork waitpid write _GLOBAL_OFFSET_TABLE_ __stack_chk_fail
""".split())



def symbols(option):
    text = subprocess.run(["nm", "-A", option, *sys.argv[1:]], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0].removesuffix("64") for line in text.splitlines() if line.strip()}


names = symbols("-u") - symbols("--defined-only")  # what one needs of the other is looked at there
if any(name.startswith(("__asan", "__ubsan", "__tsan", "__sanitizer")) for name in names):
    print("a sanitizer's own calls are in it")
    sys.exit(77)
strange = sorted(name for name in names if name not in ALLOWED)
for name in strange:
    print(f"{name} is no system call")
if len(names) < 20:
    print(f"only {len(names)} symbols: is this the right file?")
    sys.exit(1)
sys.exit(1 if strange else 0)
