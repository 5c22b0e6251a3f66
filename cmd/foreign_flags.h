// Flags of Buildah and of docker build that mean nothing to bld, or that it does not have: each is
// accepted because it has no effect by its nature, or refused with what to do instead.
#pragma once

#include "cmd/flags.h"

namespace bld::cmd {

void declare_foreign_flags(FlagSet& flags);

// Those of a commit.
void declare_commit_foreign_flags(FlagSet& flags);

// --encryption-key and --encrypt-layer; --decryption-key.
void refuse_encryption(FlagSet& flags);
void refuse_decryption(FlagSet& flags);

}  // namespace bld::cmd
