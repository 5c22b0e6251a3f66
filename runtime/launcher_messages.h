// What goes between bld, its launcher and the processes of containers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/unique_fd.h"
#include "runtime/child_plan.h"

namespace bld::runtime {

// A request is one packet on the launcher's control socket, with two descriptors: the channel for
// Reports, which the launcher and the child both have, and the child's end of the plan socket.
struct Request {
  enum class Kind : std::uint32_t {
    kContainer,
    kHelper,  // programs[0] with args, env and streams of the plan, outside of any container
  };
  Kind kind = Kind::kContainer;
  std::uint64_t namespaces = 0;  // CLONE_NEW…
};

// On the plan socket: one packet with a memfd that holds the memory of a PlanWriter, and the
// descriptors of its slots. Those that do not fit follow in packets of one byte. A container's
// child gets a ContainerBase and then a ChildPlan, a helper's a ChildPlan.
struct PlanHeader {
  std::uint32_t fd_count = 0;  // of the slots
};

// One byte on the channel asks to stop: SIGTERM, and SIGKILL half a second later.
inline constexpr char kStopMessage = 'S';

// bld's ends of a new child's sockets. To close them ends the child.
struct ChildSockets {
  base::UniqueFd channel, plans;
};

// Has the launcher clone a child, which waits for its plan. Any thread.
ChildSockets request_child(int control, const Request& request);

// `bytes`: of a PlanWriter. A child that is gone is no error: its channel tells.
void send_plan(int plans, std::string_view bytes, std::span<const int> fds);

// Blocks; false at the end of the connection. `fd` takes what comes with a kListener.
bool receive_report(int channel, Report& report, base::UniqueFd& fd);

}  // namespace bld::runtime
