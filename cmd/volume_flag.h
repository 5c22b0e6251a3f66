// The words in which --volume and --tmpfs are written.
#pragma once

#include <string_view>

#include "builder/command_settings.h"
#include "runtime/container_spec.h"

namespace bld::cmd {

// "HOST:CONTAINER[:OPTIONS]"; OPTIONS are ro, rw, U, O, z, Z, [r]bind, [r]private, nosuid, nodev,
// noexec and their opposites.
builder::VolumeMount parse_volume(std::string_view text);

// "HOST[:CONTAINER][:PERMISSIONS]" of --device; PERMISSIONS are rw or rwm: a
// device is as open as it is on the host.
builder::VolumeMount parse_device(std::string_view text);

// "DIR[:OPTIONS]"; OPTIONS are size=, mode=, ro, rw, and nosuid, nodev, which hold anyway.
runtime::TmpfsMount parse_tmpfs(std::string_view text);

}  // namespace bld::cmd
