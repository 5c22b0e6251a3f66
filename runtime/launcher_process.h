// The launcher's side of the launcher: a single-threaded loop that starts what it is told to and
// tells how it ended.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bld::runtime {

// A request is one packet on the control socket with descriptors: the channel for its Reports, a
// memfd with the encoded ChildPlan, then those of the plan's slots. What does not fit into one
// packet follows on the channel.
struct Request {
  enum class Kind : std::uint32_t {
    kContainer,
    kHelper,  // programs[0] with args, env and streams of the plan, outside of any container
  };
  Kind kind = Kind::kContainer;
  std::uint32_t fd_count = 0;  // of the plan
};

inline constexpr std::size_t kFdsPerPacket = 200;  // the kernel allows 253

// One byte on the channel asks to stop: SIGTERM, and SIGKILL half a second later.
inline constexpr char kStopMessage = 'S';

// Runs in the forked process and never returns; ends when the other end of `control` is closed.
[[noreturn]] void launcher_main(int control);

}  // namespace bld::runtime
