// Where images come from and go to: names of places, and how registries are spoken to.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "image/reference.h"

namespace bld::registry {

// --tls-verify, --creds, --authfile, --cert-dir.
struct ConnectionOptions {
  bool tls_verify = true;             // false: unverified TLS, and plain http where there is no TLS
  std::string user, password;         // both empty: as the credentials files say
  std::filesystem::path auth_file;    // empty: the usual ones
  std::filesystem::path cert_dir;     // empty: certs.d of the user and of the machine
  std::filesystem::path policy_file;  // policy.json; empty: the usual one
  // Before a request is sent again; doubled each time.
  std::chrono::milliseconds first_retry_pause{1000};
  int tries = 6;  // of a request that may be sent again
};

enum class TransportKind {
  kDocker,         // docker://NAME: a registry
  kOciLayout,      // oci:DIR[:TAG]
  kOciArchive,     // oci-archive:FILE[:TAG]
  kDockerArchive,  // docker-archive:FILE[:NAME[:TAG]]
  kDirectory,      // dir:DIR
  // containers-storage:[STORE]NAME: the images of podman and buildah; `path` is STORE, which is
  // [DRIVER@]ROOT[+RUNROOT][:OPTIONS]
  kContainersStorage,
  kDockerDaemon,  // docker-daemon:NAME: the images of docker
};

struct Location {
  TransportKind kind = TransportKind::kDocker;
  std::filesystem::path path;  // of files and directories
  std::string reference;       // the tag or name behind the path; of registries the name
  std::string str() const;     // "oci:DIR:TAG"
};

// A location with its transport in front; nothing for a bare name ("alpine", "localhost/x:1").
// A transport that bld does not have is an Error.
std::optional<Location> parse_location(std::string_view text);

}  // namespace bld::registry
