#include "runtime/child_receive.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/launcher_messages.h"

namespace bld::runtime {
namespace {

// One packet, with its descriptors to `fds`, of which there is room for `room`; returns their
// number. -1: errno, and 0 at the end of the connection.
int receive_packet(int socket, void* data, std::size_t size, int* fds, std::size_t room) {
  iovec part{data, size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kFdsPerPacket)];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t length = 0;
  do {
    length = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (length < 0 && errno == EINTR);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (length < 0 || (length == 0 && header == nullptr)) {
    if (length == 0) errno = 0;
    return -1;
  }
  const std::size_t count = header == nullptr ? 0 : (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  // We ran out of descriptors.
  if (static_cast<std::size_t>(length) != size || count == 0 || count > room ||
      (message.msg_flags & MSG_CTRUNC) != 0) {
    errno = EMFILE;
    return -1;
  }
  std::memcpy(fds, CMSG_DATA(header), count * sizeof(int));
  return static_cast<int>(count);
}

char* map_plan(int file, std::size_t& size) {
  struct stat status {};

  if (::fstat(file, &status) != 0) return nullptr;
  size = static_cast<std::size_t>(status.st_size);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE, file, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
}

// The memory of a message, and the descriptors for its slots.
template <typename Head>
int receive(int socket, MappedPlan<Head>& plan, int*& fds) {
  PlanHeader header;
  int first[kFdsPerPacket];
  const int count = receive_packet(socket, &header, sizeof header, first, kFdsPerPacket);
  if (count < 0) return -1;
  plan.start = map_plan(first[0], plan.size);
  ::close(first[0]);
  if (plan.start == nullptr) return -1;
  const std::size_t room = (header.fd_count + 1) * sizeof(int);
  void* list = ::mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (list == MAP_FAILED) return -1;
  fds = static_cast<int*>(list);
  auto known = static_cast<std::size_t>(count) - 1;
  if (known > header.fd_count) known = header.fd_count;
  std::memcpy(fds, first + 1, known * sizeof(int));
  while (known < header.fd_count) {
    char none = 0;
    const int more = receive_packet(socket, &none, 1, fds + known, header.fd_count - known);
    if (more < 0) return -1;
    known += static_cast<std::size_t>(more);
  }
  return 0;
}

void resolve(FdSlot& slot, const int* fds) {
  if (slot >= 0) slot = fds[slot];
}

}  // namespace

int receive_base(int socket, MappedPlan<ContainerBase>& base) {
  int* fds = nullptr;
  if (receive(socket, base, fds) != 0) return -1;
  resolve(base.head().network, fds);
  resolve(base.head().dev, fds);
  for (FdSlot& slot : base.list(base.head().cgroups)) resolve(slot, fds);
  return 0;
}

int receive_plan(int socket, MappedPlan<ChildPlan>& plan) {
  int* fds = nullptr;
  if (receive(socket, plan, fds) != 0) return -1;
  ChildPlan& head = plan.head();
  for (FdSlot* slot :
       {&head.root, &head.bundle, &head.input, &head.output, &head.error, &head.console}) {
    resolve(*slot, fds);
  }
  for (MountOp& op : plan.list(head.mounts)) {
    resolve(op.source, fds);
    resolve(op.target, fds);
  }
  return 0;
}

}  // namespace bld::runtime
