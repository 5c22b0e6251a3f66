// The least that one RUN step can cost: a bare program that makes the same namespaces, an overlay
// mount, pivot_root and exec, as often as asked, and prints the mean time of one.
//
//   step_baseline LOWER UPPER WORK MERGED COUNT [net]
//
// LOWER holds a program /bin/true. Run it as root of a user namespace with mapped ids
// (`bld unshare`, `unshare --map-auto --map-root-user --user --mount`).
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char* what) {
  perror(what);
  _exit(125);
}

static void child(char** argv) {
  char options[4096];
  snprintf(options, sizeof options, "userxattr,lowerdir=%s,upperdir=%s,workdir=%s", argv[1],
           argv[2], argv[3]);
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) die("private");
  if (mount("overlay", argv[4], "overlay", 0, options) != 0) die("overlay");
  if (chdir(argv[4]) != 0 || syscall(SYS_pivot_root, ".", ".") != 0) die("pivot_root");
  if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) die("umount");
  char* args[] = {"true", NULL};
  char* env[] = {NULL};
  execve("/bin/true", args, env);
  die("execve");
}

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  const int count = atoi(argv[5]);
  int flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | SIGCHLD;
  if (argc > 6 && strcmp(argv[6], "net") == 0) flags |= CLONE_NEWNET;
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (int i = 0; i < count; ++i) {
    const pid_t pid = (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
    if (pid < 0) die("clone");
    if (pid == 0) child(argv);
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || status != 0) return 1;
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  const double seconds =
      (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
  printf("%.3f ms per step\n", seconds * 1000 / count);
  return 0;
}
