#include "cmd/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file_io.h"

namespace bld::cmd {

void open_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free descriptor is this one. It stays open across exec like the others.
    if (::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd) ::_exit(125);
  }
}

void wipe_secrets(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") return;
    for (const std::string_view flag : {"--creds", "--password"}) {
      if (word == flag && i + 1 < argc) {
        std::memset(argv[i + 1], 'x', std::strlen(argv[i + 1]));
      } else if (word.starts_with(flag) && word.size() > flag.size() && word[flag.size()] == '=') {
        std::memset(argv[i] + flag.size() + 1, 'x', word.size() - flag.size() - 1);
      }
    }
  }
}

void print(std::string_view text) {
  try {
    base::write_all(STDOUT_FILENO, base::as_bytes(text));
  } catch (base::Error& error) {
    error.add_context("standard output");
    throw;
  }
}

void print_error(std::string_view text) {
  try {
    base::write_all(STDERR_FILENO, base::as_bytes(text));
  } catch (const base::Error&) {
    // There is nobody left to tell.
  }
}

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

}  // namespace bld::cmd
