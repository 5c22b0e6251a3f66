// Owns one file descriptor. Errors of close() are not reported: who must know that bytes are on
// disk syncs first.
#pragma once

#include <utility>

namespace bld::base {

class UniqueFd {
 public:
  UniqueFd() = default;

  explicit UniqueFd(int fd) : fd_(fd) {}

  ~UniqueFd() { reset(); }

  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }

  int get() const { return fd_; }

  explicit operator bool() const { return fd_ >= 0; }

  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

  void reset(int fd = -1);
  UniqueFd duplicate() const;  // close-on-exec

 private:
  int fd_ = -1;
};

struct Pipe {
  UniqueFd read, write;
};

Pipe make_pipe();  // both ends close-on-exec

}  // namespace bld::base
