#include "cmd/volume_flag.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "cmd/options.h"

namespace bld::cmd {

using base::Error;

namespace {

void check_target(const std::string& target) {
  if (!target.empty() && target[0] == '/') return;
  throw Error("the place in the container must be an absolute path: \"{}\"",
              base::printable(target));
}

std::uint32_t parse_id(const std::string& text) {
  const auto id = base::parse_unsigned(text);
  if (id && *id < 4294967295U) return static_cast<std::uint32_t>(*id);
  throw Error("\"{}\" is no id", base::printable(text));
}

bool is_one_of(const std::string& word, std::initializer_list<const char*> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

void apply(builder::VolumeMount& mount, const std::string& option) {
  if (option == "ro" || option == "rw") {
    mount.read_only = option == "ro";
  } else if (option == "O") {
    mount.discard_changes = true;
  } else if (option == "U") {
    mount.change_owner = true;
  } else if (option == "bind" || option == "rbind") {
    mount.recursive = option == "rbind";
  } else if (option == "nosuid" || option == "suid") {
    mount.nosuid = option == "nosuid";
  } else if (option == "noexec" || option == "exec") {
    mount.noexec = option == "noexec";
  } else if (option == "nodev" || option == "dev") {
    mount.dev = option == "dev";
  } else if (option == "z" || option == "Z") {
    if (!std::filesystem::exists("/sys/fs/selinux/enforce")) return;  // nothing has a label
    throw Error("the volume option {} needs SELinux labels, which bld does not set", option)
        .hint("label the directory for containers: chcon -Rt container_file_t DIRECTORY");
  } else if (is_one_of(option, {"shared", "rshared", "slave", "rslave"})) {
    throw Error("the volume option \"{}\" is not supported: mounts are private", option);
  } else if (!is_one_of(option, {"private", "rprivate"})) {
    throw Error("the volume option \"{}\" is not known", base::printable(option))
        .hint("there are ro, rw, U, O, z, Z, bind, rbind, nosuid, nodev, noexec and private");
  }
}

}  // namespace

builder::VolumeMount parse_volume(std::string_view text) {
  const auto parts = base::split(text, ':');
  if (parts.size() < 2 || parts.size() > 3) {
    throw Error("incorrect volume format \"{}\", should be host-dir:ctr-dir[:option]", text);
  }
  check_target(parts[1]);
  builder::VolumeMount mount;
  if (!parts[0].starts_with('/')) {
    throw Error("invalid host path, must be an absolute path \"{}\"", base::printable(parts[0]))
        .hint("bld has no named volumes; RUN --mount=type=cache keeps files between builds");
  }
  mount.host = parts[0];
  mount.container = parts[1];
  if (parts.size() < 3) return mount;
  for (const std::string& option : base::split(parts[2], ',')) apply(mount, option);
  if (mount.discard_changes && mount.read_only) {
    throw Error("the volume options O and ro exclude each other: \"{}\"", text);
  }
  return mount;
}

builder::VolumeMount parse_device(std::string_view text) {
  const auto parts = base::split(text, ':');
  const auto is_permissions = [](const std::string& word) {
    return !word.empty() && word.find_first_not_of("rwm") == std::string::npos;
  };
  std::size_t count = parts.size();
  const bool has_permissions = count > 1 && is_permissions(parts.back());
  if (has_permissions) --count;
  if (count > 2 || parts[0].empty()) {
    throw Error("incorrect device \"{}\", should be HOST[:CONTAINER[:rwm]]", base::printable(text));
  }
  builder::VolumeMount mount;
  mount.host = parts[0];
  mount.container = count == 2 ? parts[1] : parts[0];
  check_target(mount.container);
  if (has_permissions && parts.back().find_first_of("rw") + 1 != parts.back().find_last_of("rw")) {
    throw Error("a device is shown as it is: \"{}\" cannot be less than rw", base::printable(text));
  }
  mount.is_device = true;
  if (!std::filesystem::exists(mount.host))
    throw Error("there is no device {}", base::printable(parts[0]));
  return mount;
}

runtime::TmpfsMount parse_tmpfs(std::string_view text) {
  const auto parts = base::split(text, ':');
  if (parts.size() > 2) throw Error("incorrect tmpfs \"{}\", should be DIR[:OPTIONS]", text);
  check_target(parts[0]);
  runtime::TmpfsMount mount;
  mount.target = parts[0];
  if (parts.size() < 2) return mount;
  for (const std::string& option : base::split(parts[1], ',')) {
    const std::size_t equals = option.find('=');
    const std::string key = option.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
    if (key == "size" || key == "tmpfs-size") {
      mount.size_bytes = parse_bytes(value);
    } else if (key == "mode" || key == "tmpfs-mode") {
      const auto mode = base::parse_unsigned(value, 8);
      if (!mode || *mode > 07777) throw Error("\"{}\" is no mode", base::printable(value));
      mount.mode = static_cast<mode_t>(*mode);
    } else if (key == "uid" || key == "gid") {
      (key == "uid" ? mount.uid : mount.gid) = parse_id(value);
    } else if (option == "ro" || option == "rw") {
      mount.read_only = option == "ro";
    } else if (option == "noexec" || option == "exec") {
      mount.noexec = option == "noexec";
    } else if (option != "nosuid" && option != "nodev") {
      throw Error("the tmpfs option \"{}\" is not known", base::printable(option))
          .hint("there are size=SIZE, mode=MODE, uid=UID, gid=GID, ro, rw, exec and noexec");
    }
  }
  return mount;
}

}  // namespace bld::cmd
