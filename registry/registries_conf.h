// registries.conf: which registry a short name is looked for in, mirrors, and registries that are
// insecure or blocked (containers-registries.conf(5), versions 1 and 2).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "image/reference.h"

namespace bld::registry {

// Where a repository is served.
struct RegistryEndpoint {
  image::Reference reference;
  bool insecure = false;
};

class RegistriesConf {
 public:
  // CONTAINERS_REGISTRIES_CONF (which has to exist), else registries.conf of the user, else of the
  // machine; then what *.conf in registries.conf.d of the machine and of the user add to it, or
  // in BLD_REGISTRIES_CONF_DIR instead of both; then the aliases that podman noted down when it
  // asked its user (BLD_SHORT_NAME_ALIASES, else ~/.cache/containers/short-name-aliases.conf).
  // BUILD_REGISTRY_SOURCES restricts it all.
  static RegistriesConf load();

  // What a name means, in the order in which it is looked for: itself where it says its registry;
  // its alias; else one in each registry for unqualified names, docker.io if there are none. With
  // tags.
  std::vector<image::Reference> candidates(std::string_view name) const;
  // How that came about, as a line for people; empty for a name that says its registry.
  std::string explain(std::string_view name) const;
  // Throws where short-name-mode wants somebody to choose among several candidates.
  void check_short_name(std::string_view name) const;

  // Programs, and "containers-auth.json" for the credentials files, in the order to be asked.
  const std::vector<std::string>& credential_helpers() const { return credential_helpers_; }

  // Mirrors first, then the registry itself. A blocked registry is an Error.
  std::vector<RegistryEndpoint> pull_endpoints(const image::Reference& reference) const;
  // Where it is pushed to. As above.
  RegistryEndpoint push_endpoint(const image::Reference& reference) const;

  // Adds a file's content. `name` is for messages.
  void add(const base::Json& file, const std::string& name);

 private:
  struct Mirror {
    std::string location;
    bool insecure = false;
    bool for_tags = true, for_digests = true;
  };

  struct Registry {
    std::string prefix, location;  // location empty: the prefix
    bool insecure = false, blocked = false;
    std::vector<Mirror> mirrors;
    std::string file = {};  // that says so
  };

  struct Alias {
    std::string target, file;
  };

  // What BUILD_REGISTRY_SOURCES, a JSON object, says of registries by their host.
  struct Sources {
    std::vector<std::string> insecure, blocked, allowed;  // allowed empty: all
  };

  void read_sources(const std::string& json);
  // Throws where the registry may not be used; `what` is "pull from" or "push to".
  void check_sources(const image::Reference& reference, std::string_view what) const;
  static Registry read_registry(const base::Json& table, const std::string& name);
  void add_version_1(const base::Json& registries, const std::string& file);
  const Alias* find_alias(std::string_view name) const;
  RegistryEndpoint own_endpoint(const image::Reference& reference) const;
  const Registry* find(const image::Reference& reference) const;

  std::vector<std::string> unqualified_;
  std::string unqualified_file_;  // that names them
  bool is_enforcing_ = false;
  std::vector<std::string> credential_helpers_ = {"containers-auth.json"};
  std::map<std::string, Alias, std::less<>> aliases_;
  std::vector<Registry> registries_;
  Sources sources_;
};

}  // namespace bld::registry
