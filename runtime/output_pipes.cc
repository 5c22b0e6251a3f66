#include "runtime/output_pipes.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace bld::runtime {

OutputPipes::OutputPipes(OutputReceiver receive)
    : receive_(std::move(receive)), out_(base::make_pipe()), err_(base::make_pipe()) {
  ::fcntl(out_.read.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(err_.read.get(), F_SETFL, O_NONBLOCK);
}

// Whether there may be more to read.
bool OutputPipes::take(bool is_stderr) {
  const int fd = is_stderr ? err_.read.get() : out_.read.get();
  char bytes[64 * 1024];
  const ssize_t count = ::read(fd, bytes, sizeof bytes);
  if (count < 0) return errno == EINTR;
  if (count == 0) return false;
  receive_(is_stderr, std::string(bytes, static_cast<std::size_t>(count)));
  return true;
}

// Our own ends for writing are open, so that no pipe comes to an end meanwhile.
void OutputPipes::read_until_ready(int fd) {
  pollfd fds[] = {{fd, POLLIN, 0}, {out_.read.get(), POLLIN, 0}, {err_.read.get(), POLLIN, 0}};
  while (fds[0].revents == 0) {
    if (::poll(fds, 3, -1) < 0) continue;
    if (fds[1].revents != 0) take(false);
    if (fds[2].revents != 0) take(true);
  }
}

void OutputPipes::finish() {
  out_.write.reset();
  err_.write.reset();
  for (const bool is_stderr : {false, true}) {
    while (take(is_stderr)) continue;
  }
}

}  // namespace bld::runtime
