// The launcher's side of the launcher: a single-threaded loop that clones what it is told to
// (launcher_messages.h) and tells how it ended.
#pragma once

namespace bld::runtime {

// Runs in the forked process and never returns; ends when the other end of `control` is closed.
[[noreturn]] void launcher_main(int control);

}  // namespace bld::runtime
