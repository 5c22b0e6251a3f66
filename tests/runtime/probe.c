// What a hostile program in a container tries, a word each; what it finds out is printed. Linked
// statically, so that it runs in a root filesystem without any library.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(const char* what, long result) {
  printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "done");
}

// The classic way out of a chroot, and with it out of a root that was only chrooted to.
static void leave_root(const char* marker) {
  struct stat before = {0};
  stat("/", &before);
  mkdir("/tmp/deeper", 0700);
  tell("chroot", chroot("/tmp/deeper"));
  for (int i = 0; i < 100; ++i) {
    if (chdir("..") != 0) break;
  }
  tell("chroot back", chroot("."));
  struct stat after = {0};
  stat("/", &after);
  const int is_same = before.st_dev == after.st_dev && before.st_ino == after.st_ino;
  puts(is_same ? "in the container's root" : "elsewhere");
  tell("marker of the host", open(marker, O_RDONLY));
}

static void read_key(const char* number) {
  char text[64];
  const long id = strtol(number, NULL, 10);
  tell("key of the builder", syscall(SYS_keyctl, KEYCTL_READ, id, text, sizeof text));
  tell("link it", syscall(SYS_keyctl, KEYCTL_LINK, id, KEY_SPEC_SESSION_KEYRING));
}

static void use_terminal(void) {
  tell("controlling terminal", open("/dev/tty", O_RDWR));
  char letter = 'x';
  tell("type into it", ioctl(0, TIOCSTI, &letter));
}

static void reach_socket(const char* name) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
  tell("abstract socket", connect(fd, (struct sockaddr*)&address,
                                  (socklen_t)(sizeof address.sun_family + 1 + strlen(name))));
}

// As a builder inside of the container would: a user namespace, a mount namespace, a mount.
static void nest(void) {
  const uid_t uid = geteuid();
  tell("nested namespaces", unshare(CLONE_NEWUSER | CLONE_NEWNS));
  char map[64];
  snprintf(map, sizeof map, "0 %u 1", uid);
  int fd = open("/proc/self/setgroups", O_WRONLY);
  (void)!write(fd, "deny", 4);
  fd = open("/proc/self/uid_map", O_WRONLY);
  tell("id map", write(fd, map, strlen(map)));
  tell("nested mount", mount("tmpfs", "/tmp", "tmpfs", 0, NULL));
  tell("uncover a masked file", umount2("/proc/keys", MNT_DETACH));
  tell("make /proc/sys writable", mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
}

static void tell_ids(void) {
  uid_t real, effective, saved;
  getresuid(&real, &effective, &saved);
  printf("uids %u %u %u, ", real, effective, saved);
  char line[256];
  FILE* status = fopen("/proc/self/status", "r");
  while (status != NULL && fgets(line, sizeof line, status) != NULL) {
    if (strncmp(line, "CapEff:", 7) == 0) printf("%s", line);
  }
}

static void uncover(void) {
  tell("uncover a masked file", umount2("/proc/keys", MNT_DETACH));
  tell("make /sys writable", mount(NULL, "/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
  tell("new proc", mount("proc", "/tmp", "proc", 0, NULL));
}

#ifdef __x86_64__
// A system call made by a process that is stopped in one. Its result, with errno.
static long call_by(pid_t pid, long number, long argument, long second) {
  struct user_regs_struct old, regs;
  ptrace(PTRACE_GETREGS, pid, NULL, &old);
  regs = old;
  regs.rip -= 2;  // the instruction that it is in
  regs.rax = (unsigned long)number;
  regs.rdi = (unsigned long)argument;
  regs.rsi = (unsigned long)second;
  regs.orig_rax = -1UL;
  ptrace(PTRACE_SETREGS, pid, NULL, &regs);
  ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
  waitpid(pid, NULL, __WALL);
  ptrace(PTRACE_GETREGS, pid, NULL, &regs);
  const long result = (long)regs.rax;
  ptrace(PTRACE_SETREGS, pid, NULL, &old);
  if (result >= 0) return result;
  errno = (int)-result;
  return -1;
}
#else
static long call_by(pid_t pid, long number, long argument, long second) {
  (void)pid, (void)number, (void)argument, (void)second;
  errno = EPERM;
  return -1;
}
#endif

static void debug_init(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 1};
  struct __user_cap_data_struct its[2], mine[2];
  const long attached = ptrace(PTRACE_ATTACH, 1, NULL, NULL);
  tell("debug the init", (int)attached);
  if (attached != 0) return;
  waitpid(1, NULL, __WALL);
  tell("namespace by it", (int)call_by(1, SYS_unshare, CLONE_NEWNS, 0));
  tell("keys by it", (int)call_by(1, SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING));
  if (syscall(SYS_capget, &header, its) != 0) return;
  header.pid = 0;
  if (syscall(SYS_capget, &header, mine) != 0) return;
  if (its[0].permitted == mine[0].permitted && its[1].permitted == mine[1].permitted) {
    printf("rights of it are mine\n");
  }
}

static int debug_child(void) {
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(1);
  }
  tell("debug a child", (int)ptrace(PTRACE_ATTACH, child, NULL, NULL));
  waitpid(child, NULL, 0);
  kill(child, SIGKILL);
  return 7;
}

int main(int argc, char** argv) {
  const char* word = argc > 1 ? argv[1] : "";
  const char* value = argc > 2 ? argv[2] : "";
  if (strcmp(word, "leave-root") == 0) leave_root(value);
  if (strcmp(word, "read-key") == 0) read_key(value);
  if (strcmp(word, "terminal") == 0) use_terminal();
  if (strcmp(word, "socket") == 0) reach_socket(value);
  if (strcmp(word, "nest") == 0) nest();
  if (strcmp(word, "uncover") == 0) uncover();
  if (strcmp(word, "ids") == 0) tell_ids();
  if (strcmp(word, "debug-init") == 0) debug_init();
  if (strcmp(word, "debug-child") == 0) return debug_child();
  return 0;
}
