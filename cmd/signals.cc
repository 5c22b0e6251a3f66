#include "cmd/signals.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.h"
#include "cmd/exit_code.h"

namespace bld::cmd {

Signals::Signals() {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t handled;
  ::sigemptyset(&handled);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    // Who started us with nohup, or in the background of a plain shell, meant it.
    struct sigaction action = {};
    ::sigaction(number, nullptr, &action);
    if (action.sa_handler != SIG_IGN) ::sigaddset(&handled, number);
  }
  ::pthread_sigmask(SIG_BLOCK, &handled, nullptr);
  signals_.reset(::signalfd(-1, &handled, SFD_CLOEXEC));
  if (!signals_) throw base::Error::sys("signalfd", "");
  ending_.reset(::eventfd(0, EFD_CLOEXEC));
  if (!ending_) throw base::Error::sys("eventfd", "");
  thread_ = std::thread([this] { wait_for_signals(); });
}

Signals::~Signals() {
  const std::uint64_t one = 1;
  (void)!::write(ending_.get(), &one, sizeof one);
  thread_.join();
}

void Signals::wait_for_signals() {
  for (;;) {
    pollfd fds[2] = {{signals_.get(), POLLIN, 0}, {ending_.get(), POLLIN, 0}};
    if (::poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents != 0) return;
    signalfd_siginfo info = {};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) continue;
    const int number = static_cast<int>(info.ssi_signo);
    if (received_ != 0 || !watched_) ::_exit(status_of_signal(number));
    received_ = number;
    stop_.request_stop();
  }
}

}  // namespace bld::cmd
