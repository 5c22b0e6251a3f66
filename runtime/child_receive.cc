#include "runtime/child_receive.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <span>

#include "base/packet.h"
#include "runtime/launcher_messages.h"

namespace bld::runtime {
namespace {

// One packet, with its descriptors to `fds`; returns their number. -1: errno, and 0 at the end of
// the connection.
int receive_whole(int socket, void* data, std::size_t size, std::span<int> fds) {
  const base::ReceivedPacket packet = base::receive_packet(socket, data, size, fds);
  if (packet.length < 0) return -1;
  if (packet.length == 0 && packet.fd_count == 0) {
    errno = 0;
    return -1;
  }
  // We ran out of descriptors.
  if (static_cast<std::size_t>(packet.length) != size || packet.fd_count == 0 ||
      packet.fd_count > fds.size() || packet.is_cut) {
    errno = EMFILE;
    return -1;
  }
  return static_cast<int>(packet.fd_count);
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
  int first[base::kFdsPerPacket];
  const int count = receive_whole(socket, &header, sizeof header, first);
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
    const int more = receive_whole(socket, &none, 1, {fds + known, header.fd_count - known});
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
