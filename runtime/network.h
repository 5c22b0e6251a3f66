// The networks of containers: network namespaces, made when first needed and used again, and the
// files that tell a container about its network.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/container_spec.h"

namespace bld::runtime {

// Where a user-mode network forwards DNS queries to the host's own resolver.
inline constexpr std::string_view kForwardedNameserver = "169.254.1.1";

struct ResolvConfOptions {
  std::vector<std::string> nameservers, searches, options;  // each replaces the host's if not empty
  std::filesystem::path host_file = "/etc/resolv.conf";
  std::filesystem::path upstream_file = "/run/systemd/resolve/resolv.conf";
};

// The text of /etc/resolv.conf. Name servers of the host on a loopback address cannot be reached
// from a private network: the upstream ones stand in for them, or the user-mode network's.
std::string resolv_conf_for(NetworkMode mode, const ResolvConfOptions& options = {});

// The text of /etc/hosts: localhost, the container's own name, and (name, address) pairs.
std::string hosts_file(std::string_view hostname,
                       const std::vector<std::pair<std::string, std::string>>& extra = {});

}  // namespace bld::runtime
