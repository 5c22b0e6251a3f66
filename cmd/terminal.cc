#include "cmd/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/file_io.h"
#include "base/packet.h"

namespace bld::cmd {

namespace {

constexpr char kEndOfInput = 4;  // Ctrl-D, as the container's terminal reads it

// The one descriptor that comes through the socket, or nothing if it was closed before.
base::UniqueFd receive_descriptor(int socket) {
  char byte = 0;
  int fd = -1;
  base::receive_packet(socket, &byte, 1, {&fd, 1});
  return base::UniqueFd(fd);
}

void copy_size(int from, int to, winsize& known) {
  winsize size{};
  if (::ioctl(from, TIOCGWINSZ, &size) != 0) return;
  if (size.ws_row == known.ws_row && size.ws_col == known.ws_col) return;
  known = size;
  ::ioctl(to, TIOCSWINSZ, &size);
}

bool write_quietly(int fd, const char* data, std::size_t size) {
  try {
    base::write_all(fd, std::as_bytes(std::span(data, size)));
    return true;
  } catch (const base::Error&) {
    return false;
  }
}

}  // namespace

bool Terminal::is_here() {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1 &&
         ::isatty(STDERR_FILENO) == 1;
}

Terminal::Terminal() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
    throw base::Error::sys("socketpair", "terminal");
  }
  ours_.reset(fds[0]);
  theirs_.reset(fds[1]);
  thread_ = std::thread([this] { copy(); });
}

Terminal::~Terminal() {
  // Without a container nothing was sent, and the thread sees the end.
  theirs_.reset();
  thread_.join();
  if (before_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &*before_);
}

void Terminal::make_raw() {
  termios now{};
  if (::tcgetattr(STDIN_FILENO, &now) != 0) return;
  before_ = now;
  ::cfmakeraw(&now);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
}

void Terminal::copy() {
  const base::UniqueFd master = receive_descriptor(ours_.get());
  if (!master) return;
  make_raw();
  winsize known{};
  copy_size(STDIN_FILENO, master.get(), known);
  if (!write_quietly(ours_.get(), "", 1)) return;  // the command may start
  bool reads_input = true;
  char buffer[16384];
  for (;;) {
    pollfd watched[] = {{master.get(), POLLIN, 0}, {reads_input ? STDIN_FILENO : -1, POLLIN, 0}};
    // The size is looked at now and then: a signal for it would reach any thread.
    if (::poll(watched, 2, 250) < 0 && errno != EINTR) return;
    copy_size(STDIN_FILENO, master.get(), known);
    if (watched[0].revents != 0) {
      const ssize_t length = ::read(master.get(), buffer, sizeof buffer);
      if (length < 0 && errno == EINTR) continue;
      if (length <= 0) return;  // EIO: nobody has the other side open any more
      if (!write_quietly(STDOUT_FILENO, buffer, static_cast<std::size_t>(length))) return;
    }
    if (reads_input && watched[1].revents != 0) {
      const ssize_t length = ::read(STDIN_FILENO, buffer, sizeof buffer);
      reads_input = length > 0;
      const bool written =
          length > 0 ? write_quietly(master.get(), buffer, static_cast<std::size_t>(length))
                     : write_quietly(master.get(), &kEndOfInput, 1);
      if (!written) reads_input = false;
    }
  }
}

}  // namespace bld::cmd
