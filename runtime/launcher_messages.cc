#include "runtime/launcher_messages.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/error.h"
#include "base/file_io.h"
#include "base/packet.h"

namespace bld::runtime {
namespace {

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
  const int theirs[] = {channel.theirs.get(), plans.theirs.get()};
  if (!base::send_packet(control, &request, sizeof request, theirs)) {
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
    const std::size_t count = std::min(rest.size(), base::kFdsPerPacket - packet.size());
    packet.insert(packet.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(count));
    rest = rest.subspan(count);
    if (base::send_packet(plans, data, size, packet)) {
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
  int number = -1;
  const auto packet = base::receive_packet(channel, &report, sizeof report, {&number, 1});
  if (number >= 0) fd.reset(number);
  return packet.length == static_cast<ssize_t>(sizeof report);
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
