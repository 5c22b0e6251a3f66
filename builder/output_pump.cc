#include "builder/output_pump.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace bld::builder {

OutputPump::OutputPump(OutputReceiver receive)
    : receive_(std::move(receive)),
      out_(base::make_pipe()),
      err_(base::make_pipe()),
      end_(base::make_pipe()),
      thread_([this] { pump(); }) {}

OutputPump::~OutputPump() { finish(); }

void OutputPump::finish() {
  if (!thread_.joinable()) return;
  out_.write.reset();
  err_.write.reset();
  end_.write.reset();
  thread_.join();
}

// Whether there may be more to read.
bool OutputPump::take(int fd, bool is_stderr) {
  std::string bytes(64 * 1024, '\0');
  const ssize_t count = ::read(fd, bytes.data(), bytes.size());
  if (count < 0) return errno == EINTR;
  if (count == 0) return false;
  bytes.resize(static_cast<std::size_t>(count));
  receive_(is_stderr, std::move(bytes));
  return true;
}

void OutputPump::pump() {
  ::fcntl(out_.read.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(err_.read.get(), F_SETFL, O_NONBLOCK);
  struct pollfd fds[] = {
      {out_.read.get(), POLLIN, 0}, {err_.read.get(), POLLIN, 0}, {end_.read.get(), POLLIN, 0}};
  for (bool ended = false; !ended;) {
    if (::poll(fds, 3, -1) < 0) continue;
    ended = fds[2].revents != 0;
    for (int i = 0; i < 2; ++i) {
      if (fds[i].fd >= 0 && fds[i].revents != 0 && !take(fds[i].fd, i == 1)) fds[i].fd = -1;
    }
  }
  for (const bool is_stderr : {false, true}) {
    while (take(is_stderr ? err_.read.get() : out_.read.get(), is_stderr)) {
    }
  }
}

}  // namespace bld::builder
