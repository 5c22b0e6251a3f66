// containers.conf and mounts.conf: what the machine and the user want for all containers
// (containers.conf(5), containers-mounts.conf(5)).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "builder/command_settings.h"

namespace bld::cmd {

// The keys that decide something here; what a file does not say is empty. As Buildah reads them:
// the machine's files under /usr/share and /etc, then the user's, each with its *.conf in
// containers.conf.d; CONTAINERS_CONF instead of all of them; CONTAINERS_CONF_OVERRIDE last. A later
// file wins, key by key; a list with {append=true} adds to the one before.
struct ContainersConf {
  // [containers]
  std::vector<std::string> env, capabilities, ulimits, volumes, devices;
  std::vector<std::string> dns_servers, dns_searches, dns_options;
  std::optional<bool> http_proxy, no_hosts;
  std::string shm_size, seccomp_profile;

  // [engine]
  std::vector<std::string> engine_env, add_compression;
  std::optional<std::int64_t> retry;
  std::string retry_delay;
  std::string compression_format;
  std::optional<std::int64_t> compression_level;

  static ContainersConf load();
  // load(), once in the life of the process.
  static const ContainersConf& here();

  // Adds one file's content.
  void add(const base::Json& file);
};

// Sets the variables of [engine] env that are not set.
void set_engine_environment(const ContainersConf& conf);

// The lines HOST[:CONTAINER] of mounts.conf (of `file`, if it is not empty), as volumes whose
// changes are forgotten. What is not there is told and left out.
std::vector<builder::VolumeMount> default_mounts(const std::string& file);

}  // namespace bld::cmd
