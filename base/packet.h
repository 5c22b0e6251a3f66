// Messages of a Unix socket that bring descriptors along. Inline, and system calls only: the code
// between fork and exec of a container uses them, too.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>

namespace bld::base {

inline constexpr std::size_t kFdsPerPacket = 200;  // the kernel allows 253

struct ReceivedPacket {
  ssize_t length = -1;       // -1: errno, and 0 at the end of the connection
  std::size_t fd_count = 0;  // that came
  bool is_cut = false;       // there were more, and this process ran out of descriptors
};

// Blocks. Descriptors for which `fds` has no room are closed. At most kFdsPerPacket.
inline ReceivedPacket receive_packet(int socket, void* data, std::size_t size, std::span<int> fds) {
  iovec part{data, size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kFdsPerPacket)];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ReceivedPacket result;
  do {
    result.length = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (result.length < 0 && errno == EINTR);
  if (result.length < 0) return result;
  result.is_cut = (message.msg_flags & MSG_CTRUNC) != 0;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return result;
  result.fd_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  const std::size_t known = std::min(result.fd_count, fds.size());
  if (known != 0) std::memcpy(fds.data(), CMSG_DATA(header), known * sizeof(int));
  for (std::size_t i = known; i < result.fd_count; ++i) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
    ::close(fd);
  }
  return result;
}

// Whether all of it was sent, else errno. At most kFdsPerPacket descriptors, and at least one.
inline bool send_packet(int socket, const void* data, std::size_t size, std::span<const int> fds) {
  iovec part{const_cast<void*>(data), size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kFdsPerPacket)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(size);
}

}  // namespace bld::base
