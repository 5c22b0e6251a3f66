// The networks of containers: network namespaces, made when first needed and used again, and the
// files that tell a container about its network.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/container_spec.h"

namespace bld::runtime {

// Where pasta forwards DNS queries to the host's own resolver: we choose the address.
inline constexpr std::string_view kForwardedNameserver = "169.254.1.1";
// Where slirp4netns does.
inline constexpr std::string_view kSlirpNameserver = "10.0.2.3";
// Where slirp4netns has the host's loopback, if it is let.
inline constexpr std::string_view kSlirpGateway = "10.0.2.2";

struct ResolvConfOptions {
  std::vector<std::string> nameservers, searches, options;  // each replaces the host's if not empty
  std::filesystem::path host_file = "/etc/resolv.conf";
  std::filesystem::path upstream_file = "/run/systemd/resolve/resolv.conf";
};

// The text of /etc/resolv.conf. Name servers of the host on a loopback address cannot be reached
// from a private network: the upstream ones stand in for them, or that of the user-mode network
// which is installed.
std::string resolv_conf_for(NetworkMode mode, const ResolvConfOptions& options = {});

struct HostName {
  std::string name, address;
};

// As an address: that of the machine bld runs on.
inline constexpr std::string_view kHostGateway = "host-gateway";

// The text of /etc/hosts: localhost, `extra`, the container's own name, and what the host's own
// file tells of other machines (in the host's network, all that it tells). An Error where
// kHostGateway means nothing.
std::string hosts_file(NetworkMode mode, std::string_view hostname,
                       const std::vector<HostName>& extra = {},
                       const std::filesystem::path& host_file = "/etc/hosts");

}  // namespace bld::runtime
