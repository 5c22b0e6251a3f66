// The one table from what happened to what bld exits with; the numbers are Buildah's.
#pragma once

namespace bld::cmd {

inline constexpr int kSuccess = 0;
// Any error of bld itself: a flag, a file, an image, a registry. An Error with an exit_status(),
// as that of a failing RUN, overrides it.
inline constexpr int kOwnError = 125;

// Lint found something, and nothing else is wrong.
inline constexpr int kFindings = 1;

// Ended by a signal.
constexpr int status_of_signal(int number) { return 128 + number; }

}  // namespace bld::cmd
