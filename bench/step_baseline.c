// The least that one RUN step can cost: a bare program that makes the same namespaces, an overlay
// mount, pivot_root and exec, as often as asked, and prints the median and the best time of one.
//
//   step_baseline LOWER UPPER WORK MERGED COUNT [net | command]
//
// With "command" it prints what the command of a step costs that has all this around it already:
// fork, exec of a shell that writes a small file, and its end.
//
// LOWER holds the programs /bin/true and /bin/sh. Run it as root of a user namespace with mapped ids
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

static void enter(char** argv) {
  char options[4096];
  snprintf(options, sizeof options, "userxattr,lowerdir=%s,upperdir=%s,workdir=%s", argv[1],
           argv[2], argv[3]);
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) die("private");
  if (mount("overlay", argv[4], "overlay", 0, options) != 0) die("overlay");
  if (chdir(argv[4]) != 0 || syscall(SYS_pivot_root, ".", ".") != 0) die("pivot_root");
  if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) die("umount");
}

static void child(char** argv) {
  enter(argv);
  char* args[] = {"true", NULL};
  char* env[] = {NULL};
  execve("/bin/true", args, env);
  die("execve");
}

// A file that is not there yet, also when this program ran here before.
static void command(int number) {
  char text[64];
  snprintf(text, sizeof text, "echo %d > /file%d.%d", number, number, (int)getppid());
  char* args[] = {"sh", "-c", text, NULL};
  char* env[] = {"PATH=/bin", NULL};
  execve("/bin/sh", args, env);
  die("execve");
}

static int by_value(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  const int count = atoi(argv[5]);
  const int is_command = argc > 6 && strcmp(argv[6], "command") == 0;
  if (is_command) enter(argv);
  int flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | SIGCHLD;
  if (argc > 6 && strcmp(argv[6], "net") == 0) flags |= CLONE_NEWNET;
  double* times = calloc((size_t)count, sizeof *times);
  for (int i = 0; i < count; ++i) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    const pid_t pid = is_command ? vfork() : (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
    if (pid < 0) die("clone");
    if (pid == 0 && is_command) command(i);
    if (pid == 0) child(argv);
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || status != 0) return 1;
    clock_gettime(CLOCK_MONOTONIC, &end);
    times[i] =
        (double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) / 1e6;
  }
  qsort(times, (size_t)count, sizeof *times, by_value);
  printf("median %.3f ms, best %.3f ms\n", times[count / 2], times[0]);
  free(times);
  return 0;
}
