// The answers to `bld build --check` and `--call`.
#pragma once

#include "builder/build_request.h"
#include "cmd/app.h"
#include "cmd/check_flags.h"

namespace bld::cmd {

// Prints what was asked about the request's Containerfile; returns the exit status. Nothing is
// built or pulled.
int answer_call(const CheckFlags& flags, const builder::BuildRequest& request, App& app);

}  // namespace bld::cmd
