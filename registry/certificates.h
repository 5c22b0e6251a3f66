// Certificates that belong to one registry: the certs.d directories of podman and docker.
#pragma once

#include <filesystem>
#include <string>

namespace bld::registry {

struct Certificates {
  std::string authorities;  // PEM; trusted besides the system's; empty: none
  std::filesystem::path client_certificate, client_key;  // both or neither
};

// From `cert_dir`, or where that is empty from the first directory that is there of
// ~/.config/containers/certs.d/HOST, /etc/containers/certs.d/HOST, /etc/docker/certs.d/HOST.
// A certificate without its key, or the other way round, is an Error.
Certificates find_certificates(const std::filesystem::path& cert_dir, const std::string& host);

// $XDG_CONFIG_HOME or ~/.config; empty where there is no home.
std::filesystem::path user_config_dir();
std::filesystem::path user_home();

}  // namespace bld::registry
