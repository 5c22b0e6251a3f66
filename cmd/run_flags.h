// What commands may reach and use: --network, --volume, --cap-add and their like, the same for
// `bld build`, `bld from` (which remembers them for its container) and `bld run`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/command_settings.h"
#include "cmd/confinement_flags.h"
#include "cmd/flags.h"

namespace bld::cmd {

// What to do without maps of IDs.
inline constexpr std::string_view kNoIdMaps =
    "root of a container is you, and all others are your subordinate IDs (/etc/subuid, "
    "/etc/subgid): bld has no other maps";

struct RunFacts;

class RunFlags {
 public:
  void declare(FlagSet& flags);
  // After the command line was read. Throws Error on what does not go together, and on a
  // BUILDAH_ISOLATION that is none.
  builder::CommandSettings settings() const;

  // Those of its flags that were given, as words to remember. Throws as settings() does.
  std::vector<std::string> words(const FlagSet& given) const;

  RunFacts facts() const;

 private:
  void declare_network(FlagSet& flags);
  void declare_rights(FlagSet& flags);
  void declare_namespaces(FlagSet& flags);
  void check_network_files() const;

  builder::CommandSettings settings_;
  ConfinementFlags confined_;
  std::vector<std::string> ulimits_;
  std::optional<std::string> isolation_;
  std::optional<bool> http_proxy_;
  std::optional<std::uint64_t> shm_size_bytes_;
  bool no_hosts_ = false, no_hostname_ = false;
};

// What flags that a container remembers say, as `bld inspect` shows it.
struct RunFacts {
  std::string isolation;  // "oci", "rootless" or "chroot"
  builder::NetworkChoice network = builder::NetworkChoice::kDefault;
  runtime::SharedNamespaces shared;
  std::vector<std::string> capabilities;  // "CAP_CHOWN", sorted
  std::vector<std::string> group_add;
};

RunFacts facts_of(const std::vector<std::string>& words);

// "default", "host", "none", "private".
builder::NetworkChoice parse_network(std::string_view text);

}  // namespace bld::cmd
