#include "runtime/launcher_messages.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/file_io.h"

namespace bld::runtime {
namespace {

// 0, or -1 and errno.
int send_packet(int socket, const void* data, std::size_t size, std::span<const int> fds) {
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
  return sent < 0 ? -1 : 0;
}

base::UniqueFd as_memfd(std::string_view bytes) {
  base::UniqueFd file(::memfd_create("bld-plan", MFD_CLOEXEC));
  if (!file) throw base::Error::sys("memfd_create", "plan");
  base::write_all(file.get(), base::as_bytes(bytes));
  return file;
}

struct SocketPair {
  base::UniqueFd ours, theirs;
};

SocketPair make_socket_pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
    throw base::Error::sys("socketpair", "launcher");
  }
  return {base::UniqueFd(fds[0]), base::UniqueFd(fds[1])};
}

bool is_gone(int error_number) { return error_number == EPIPE || error_number == ECONNRESET; }

}  // namespace

ChildSockets request_child(int control, const Request& request) {
  SocketPair channel = make_socket_pair(), plans = make_socket_pair();
  if (send_packet(control, &request, sizeof request,
                  {{channel.theirs.get(), plans.theirs.get()}}) != 0) {
    throw base::Error::sys("sendmsg", "launcher");
  }
  return {std::move(channel.ours), std::move(plans.ours)};
}

void send_plan(int plans, std::string_view bytes, std::span<const int> fds) {
  const base::UniqueFd memory = as_memfd(bytes);
  const PlanHeader header{static_cast<std::uint32_t>(fds.size())};
  std::span<const int> rest = fds;
  std::vector<int> packet{memory.get()};
  const auto send = [&](const void* data, std::size_t size) {
    const std::size_t count = std::min(rest.size(), kFdsPerPacket - packet.size());
    packet.insert(packet.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(count));
    rest = rest.subspan(count);
    if (send_packet(plans, data, size, packet) == 0) {
      packet.clear();
    } else if (is_gone(errno)) {
      rest = {};
    } else {
      throw base::Error::sys("sendmsg", "container");
    }
  };
  send(&header, sizeof header);
  while (!rest.empty()) send("", 1);
}

bool receive_report(int channel, Report& report, base::UniqueFd& fd) {
  iovec data{&report, sizeof report};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t length = 0;
  do {
    length = ::recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
  } while (length < 0 && errno == EINTR);
  if (length != static_cast<ssize_t>(sizeof report)) return false;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(header), sizeof number);
    fd.reset(number);
  }
  return true;
}

const char* stage_name(Stage stage) {
  constexpr const char* kNames[] = {"clone",
                                    "entering the control group",
                                    "setns",
                                    "sethostname",
                                    "proc",
                                    "sysfs",
                                    "dev",
                                    "pivot_root",
                                    "receiving the plan",
                                    "mounting the root filesystem",
                                    "mount",
                                    "masking /proc and /sys",
                                    "mounting the bundle",
                                    "standard input and output",
                                    "terminal",
                                    "fork",
                                    "setrlimit",
                                    "chdir",
                                    "capset",
                                    "setgroups",
                                    "setresuid",
                                    "seccomp",
                                    "exec",
                                    "chroot"};
  return kNames[static_cast<std::uint32_t>(stage)];
}

}  // namespace bld::runtime
