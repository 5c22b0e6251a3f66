// What the commands of RUN and of `bld run` may reach and use, besides the files of their step.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "builder/confinement.h"
#include "runtime/container_spec.h"
#include "runtime/network.h"

namespace bld::builder {

// The default is private.
enum class NetworkChoice { kDefault, kHost, kNone, kPrivate };

// What the commands find as /etc/resolv.conf, /etc/hosts and /etc/hostname.
struct NetworkFiles {
  std::vector<runtime::HostName> add_hosts;
  std::vector<std::string> servers, searches, options;     // each replaces the host's if not empty
  bool resolv_conf = true, hosts = true, hostname = true;  // false: what the image has
};

// -v HOST:CONTAINER[:OPTIONS], never in the image.
struct VolumeMount {
  std::filesystem::path host;
  std::string container;
  bool read_only = false;
  bool recursive = true;         // with the mounts below `host`
  bool discard_changes = false;  // O: writes go to an overlay, and with it away
  bool change_owner = false;     // U: the host's files are given to the command's user
  bool nosuid = false, noexec = false;
  bool dev = false;        // device nodes in it can be used
  bool is_device = false;  // --device: is one itself, and can be used
};

// The variables that tell programs of a proxy.
inline constexpr std::array<std::string_view, 10> kProxyVariables = {
    "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY",
    "ftp_proxy",  "NO_PROXY",   "no_proxy",    "ALL_PROXY",   "all_proxy"};

struct CommandSettings {
  NetworkChoice network = NetworkChoice::kDefault;
  NetworkFiles network_files;
  std::vector<std::string> env;  // "NAME=value" where neither the image nor a flag sets NAME
  bool http_proxy = true;        // they see the proxy variables of our environment
  std::string hostname;          // empty: the usual
  std::vector<std::string> cap_add, cap_drop;
  std::vector<std::string> group_add;  // supplementary groups, by the image's names or as numbers
  std::vector<runtime::Rlimit> rlimits;
  std::vector<VolumeMount> volumes;
  std::vector<runtime::TmpfsMount> tmpfs;
  Confinement confinement;
  std::uint64_t shm_size_bytes = 64 << 20;
  runtime::SharedNamespaces shared;
  runtime::OciRuntime runtime;    // makes the containers, if there is one
  bool needs_namespaces = false;  // a chroot was not asked for and will not do
};

}  // namespace bld::builder
