#include "runtime/child_chroot.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace bld::runtime {
namespace {

// From SIGTERM to SIGKILL: a little less than the launcher gives us.
constexpr long kGraceNanoseconds = 400'000'000;

// The decimal number that begins here, or -1.
pid_t number_at(const char* text) {
  long number = -1;
  for (; *text >= '0' && *text <= '9'; ++text) {
    number = (number < 0 ? 0 : number) * 10 + (*text - '0');
  }
  return static_cast<pid_t>(number);
}

// The parent of a process, or -1. The name in its stat file may hold anything, also ") R 1".
pid_t parent_of(int proc, const char* pid) {
  const int directory = ::openat(proc, pid, O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int file = directory < 0 ? -1 : ::openat(directory, "stat", O_RDONLY | O_CLOEXEC);
  if (directory >= 0) ::close(directory);
  char text[256];
  const ssize_t length = file < 0 ? -1 : ::read(file, text, sizeof text - 1);
  if (file >= 0) ::close(file);
  if (length <= 0) return -1;
  text[length] = '\0';
  const char* end = nullptr;
  for (const char* at = text; *at != '\0'; ++at) {
    if (*at == ')') end = at;
  }
  return end != nullptr && end + 4 < text + length ? number_at(end + 4) : -1;
}

void write_number(pid_t number, char* text) {
  char digits[16];
  int count = 0;
  do {
    digits[count++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  while (count > 0) *text++ = digits[--count];
  *text = '\0';
}

bool descends_from(int proc, pid_t pid, pid_t ancestor) {
  char name[16];
  while (pid > 1) {
    write_number(pid, name);
    pid = parent_of(proc, name);
    if (pid == ancestor) return true;
  }
  return false;
}

// Sends the signal to all that stem from us, and returns to how many.
int signal_descendants(int proc, int number) {
  const int listing = ::openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (listing < 0) return 0;
  const pid_t self = ::getpid();
  int count = 0;
  alignas(dirent64) char buffer[4096];
  for (long length; (length = ::syscall(SYS_getdents64, listing, buffer, sizeof buffer)) > 0;) {
    for (long at = 0; at < length;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
      at += entry->d_reclen;
      const pid_t pid = number_at(entry->d_name);
      if (pid <= 1 || pid == self || !descends_from(proc, pid, self)) continue;
      if (::kill(pid, number) == 0) ++count;
    }
  }
  ::close(listing);
  return count;
}

// Whose parent dies becomes our child, so that at some time there is none left. `status` is set
// when the command is among them.
void kill_all(int proc, pid_t command, int& status) {
  for (;;) {
    const int killed = signal_descendants(proc, SIGKILL);
    int ended = 0;
    for (pid_t pid; (pid = ::waitpid(-1, &ended, WNOHANG)) != 0;) {
      if (pid < 0 && errno == ECHILD) return;
      if (pid == command) status = ended;
    }
    // The killed ones die in their own time; a new one shows when its parent is dead.
    const timespec pause{0, killed > 0 ? 200'000 : 1'000'000};
    ::syscall(SYS_nanosleep, &pause, nullptr);
  }
}

bool has_hung_up(int lifeline) {
  pollfd watch{lifeline, POLLIN, 0};
  return ::poll(&watch, 1, 0) != 0;
}

}  // namespace

int become_reaper() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);  // which is blocked and waited for
  return ::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int enter_chroot(int directory) {
  if (::fchdir(directory) != 0) return -1;
  return static_cast<int>(::syscall(SYS_chroot, "."));
}

void die_with_init() { ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }

int wait_and_kill_rest(pid_t command, int proc, int lifeline) {
  sigset_t waited;
  ::sigemptyset(&waited);
  ::sigaddset(&waited, SIGCHLD);
  ::sigaddset(&waited, SIGTERM);
  const timespec grace{0, kGraceNanoseconds};
  bool is_stopping = false;
  int status = SIGKILL;  // if there is no other word of it
  for (;;) {
    if (has_hung_up(lifeline)) {
      kill_all(proc, command, status);
      ::_exit(0);
    }
    siginfo_t info{};
    const int number = ::sigtimedwait(&waited, &info, is_stopping ? &grace : nullptr);
    if (number < 0 && errno == EAGAIN) break;
    if (number == SIGTERM && !has_hung_up(lifeline)) {
      is_stopping = true;
      signal_descendants(proc, SIGTERM);
    }
    int ended = 0;
    bool is_over = false;
    for (pid_t pid; (pid = ::waitpid(-1, &ended, WNOHANG)) > 0;) {
      if (pid != command) continue;
      status = ended;
      is_over = true;
    }
    if (is_over) break;
  }
  kill_all(proc, command, status);
  return status;
}

}  // namespace bld::runtime
