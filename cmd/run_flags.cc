#include "cmd/run_flags.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "builder/rlimits.h"
#include "cmd/containers_conf.h"
#include "cmd/options.h"
#include "cmd/volume_flag.h"
#include "runtime/capabilities.h"
#include "runtime/isolation.h"

namespace bld::cmd {

using base::Error;

namespace {

bool is_address(const std::string& text) {
  in6_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

void check_address(const std::string& text) {
  if (!is_address(text)) throw Error("--dns: \"{}\" is no IP address", text);
}

// "NAME[;NAME…]:ADDRESS" or with "=", an IPv6 address also in brackets.
void add_host(builder::NetworkFiles& files, const std::string& text) {
  const std::size_t separator = text.find_first_of(":=");
  if (separator == std::string::npos || separator == 0) {
    throw Error("--add-host: \"{}\" is not NAME:ADDRESS", base::printable(text));
  }
  std::string address = text.substr(separator + 1);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  if (address != runtime::kHostGateway && !is_address(address)) {
    throw Error("--add-host {}: \"{}\" is no IP address", base::printable(text),
                base::printable(address));
  }
  for (const std::string& name : base::split(text.substr(0, separator), ';')) {
    if (name.empty() || name.find_first_of(" \t\n#") != std::string::npos) {
      throw Error("--add-host {}: \"{}\" is no name of a host", base::printable(text),
                  base::printable(name));
    }
    files.add_hosts.push_back({name, address});
  }
}

// "private", or "host" where `shared` can say so.
void parse_namespace(const std::string& text, bool* shared) {
  if (text == "host" && shared == nullptr) {
    throw Error("commands have a pid namespace of their own")
        .hint("what a command starts ends with it; the host's processes are not its business");
  }
  if (text.starts_with('/') || text.starts_with(':') || text.starts_with("ns:")) {
    throw Error("namespaces of others are not joined: there are private and host");
  }
  const bool own = text.empty() || text == "private" || text == "container";
  if (!own && text != "host") {
    throw Error("\"{}\" is not known: there are private and host", base::printable(text));
  }
  if (shared != nullptr) *shared = !own;
}

// An ordinary user's commands are in the user namespace that bld entered; root's are in none.
void check_user_namespace(const std::string& text) {
  if (text.empty() || text == "host") return;
  if (text != "private" && text != "container") {
    throw Error("the user namespace \"{}\" is none of host, private and container",
                base::printable(text))
        .hint(std::string(kNoIdMaps));
  }
  if (::geteuid() == 0 && !runtime::is_user_namespace()) {
    throw Error("root's commands are not in a user namespace of their own")
        .hint("run bld as an ordinary user: all its commands are");
  }
}

// `chroot` asks for the least that an isolation has to have; what bld makes has all of it. With it
// and with `rootless`, Buildah's containers are in the host's network.
bool shares_network(std::string_view isolation) {
  for (const std::string_view known : {"", "default", "oci"}) {
    if (isolation == known) return false;
  }
  if (isolation == "chroot" || isolation == "rootless") return true;
  throw Error("unrecognized isolation type \"{}\": there are oci, rootless and chroot",
              base::printable(isolation));
}

// "ALL" in any of its spellings.
bool names_all(const std::vector<std::string>& capabilities) {
  return std::any_of(capabilities.begin(), capabilities.end(), [](const std::string& name) {
    const std::string upper = base::to_upper(name);
    return upper == "ALL" || upper == "CAP_ALL";
  });
}

std::string capability_name(const std::string& text) {
  const std::string upper = base::to_upper(text);
  return upper.starts_with("CAP_") ? upper.substr(4) : upper;
}

// The file's list takes the place of our default; the flags add to it and take away from it.
void set_default_capabilities(builder::CommandSettings& settings,
                              const std::vector<std::string>& defaults) {
  if (names_all(settings.cap_add) || names_all(settings.cap_drop)) return;
  for (const std::string& name : defaults) {
    const auto same = [&](const std::string& other) {
      return capability_name(other) == capability_name(name);
    };
    const auto& drop = settings.cap_drop;
    if (std::none_of(drop.begin(), drop.end(), same) &&
        std::none_of(settings.cap_add.begin(), settings.cap_add.end(), same)) {
      settings.cap_add.push_back(name);
    }
  }
  settings.cap_drop = {"ALL"};
}

void use_if_empty(std::vector<std::string>& list, const std::vector<std::string>& defaults) {
  if (list.empty()) list = defaults;
}

// What containers.conf and mounts.conf say where no flag does.
void add_defaults(builder::CommandSettings& settings, const ContainersConf& conf) {
  builder::NetworkFiles& files = settings.network_files;
  for (const std::string& server : conf.dns_servers) check_address(server);
  use_if_empty(files.servers, conf.dns_servers);
  use_if_empty(files.searches, conf.dns_searches);
  use_if_empty(files.options, conf.dns_options);
  settings.env = conf.env;
  if (!conf.shm_size.empty()) settings.shm_size_bytes = parse_bytes(conf.shm_size);
  if (!conf.capabilities.empty()) set_default_capabilities(settings, conf.capabilities);
  bool has_volumes = false, has_devices = false;
  for (const builder::VolumeMount& volume : settings.volumes) {
    (volume.is_device ? has_devices : has_volumes) = true;
  }
  std::vector<builder::VolumeMount> defaults =
      default_mounts(environment_variable("BLD_DEFAULT_MOUNTS_FILE").value_or(""));
  if (!has_volumes) {
    for (const std::string& text : conf.volumes) defaults.push_back(parse_volume(text));
  }
  if (!has_devices) {
    for (const std::string& text : conf.devices) defaults.push_back(parse_device(text));
  }
  settings.volumes.insert(settings.volumes.begin(), defaults.begin(), defaults.end());
}

}  // namespace

void RunFlags::declare_network(FlagSet& flags) {
  builder::NetworkFiles& files = settings_.network_files;
  flags.add(
      "network,net", "MODE",
      [this](const std::string& text) { settings_.network = parse_network(text); },
      "network of the commands: default, host, none, private");
  flags.add(
      "add-host", "NAME:ADDRESS",
      [&files](const std::string& text) {
        for (const std::string& entry : base::split(text, ',')) add_host(files, entry);
      },
      "add a line to /etc/hosts; host-gateway as an address is this machine");
  flags.add_bool("no-hosts", no_hosts_, "leave the image's /etc/hosts as it is");
  flags.add_bool("no-hostname", no_hostname_, "leave the image's /etc/hostname as it is");
  flags.add_comma_list("dns", "ADDRESS", files.servers,
                       "name server of the commands; none: leave the image's /etc/resolv.conf");
  flags.add_comma_list("dns-search", "DOMAIN", files.searches, "domain to look up names in");
  flags.add_comma_list("dns-option", "OPTION", files.options, "option of the resolver");
  flags.add_optional(
      "http-proxy", "", "true", [this](const std::string& text) { http_proxy_ = parse_bool(text); },
      "show http_proxy and its like to the commands (default true)");
  for (const char* name : {"cni-config-dir", "cni-plugin-path"}) {
    flags.accept(name, "DIR", "networks are made without CNI");
  }
}

void RunFlags::declare_rights(FlagSet& flags) {
  flags.add_comma_list("cap-add", "CAPABILITY", settings_.cap_add, "add a capability");
  flags.add_comma_list("cap-drop", "CAPABILITY", settings_.cap_drop, "drop a capability");
  flags.add_comma_list("group-add", "GROUP", settings_.group_add, "a further group of the user");
  flags.add(
      "device", "HOST[:CONTAINER[:rwm]]",
      [this](const std::string& text) { settings_.volumes.push_back(parse_device(text)); },
      "show a device to the commands");
  flags.add_comma_list("ulimit", "NAME=SOFT[:HARD]", ulimits_, "limit of the commands");
  flags.add(
      "shm-size", "SIZE", [this](const std::string& text) { shm_size_bytes_ = parse_bytes(text); },
      "size of /dev/shm (default 64m)");
}

void RunFlags::declare_namespaces(FlagSet& flags) {
  flags.add(
      "isolation", "KIND",
      [this](const std::string& text) {
        shares_network(text);
        isolation_ = text;
      },
      "oci; rootless and chroot: besides, the host's network is the default");
  flags.add(
      "runtime", "PROGRAM", [this](const std::string& text) { settings_.runtime.program = text; },
      "make the containers with an OCI runtime: crun, runc or a path (default: bld itself does)");
  flags.add_list("runtime-flag", "FLAG", settings_.runtime.flags,
                 "global flag of that runtime, without --");
  const auto declare_one = [&flags](const char* name, bool* shared, const char* help) {
    flags.add(
        name, "MODE", [shared](const std::string& text) { parse_namespace(text, shared); }, help);
  };
  runtime::SharedNamespaces& shared = settings_.shared;
  declare_one("ipc", &shared.ipc, "private, or host: shared memory and queues are the host's");
  declare_one("uts", &shared.uts, "private, or host: the host's name is the commands' too");
  declare_one("cgroupns", &shared.cgroup, "private, or host: the host's control groups are shown");
  declare_one("pid", nullptr, "private: commands only see their own processes");
  flags.add(
      "userns", "MODE", [](const std::string& text) { check_user_namespace(text); },
      "host: the namespace of bld; private, container: for an ordinary user, the same");
  for (const char* name :
       {"userns-uid-map", "userns-gid-map", "userns-uid-map-user", "userns-gid-map-group"}) {
    flags.refuse(name, std::string(kNoIdMaps));
  }
  flags.refuse("cdi-config-dir", "name the device's files: --device /dev/…");
  flags.refuse("hooks-dir", "bld runs no OCI hooks: do what they do in the commands");
}

void RunFlags::declare(FlagSet& flags) {
  declare_network(flags);
  flags.add(
      "volume,v", "HOST:CONTAINER[:OPTIONS]",
      [this](const std::string& text) { settings_.volumes.push_back(parse_volume(text)); },
      "show a directory of the host to the commands");
  flags.add(
      "tmpfs", "DIR[:OPTIONS]",
      [this](const std::string& text) { settings_.tmpfs.push_back(parse_tmpfs(text)); },
      "a directory in memory for the commands; never in the image");
  confined_.declare(flags);
  declare_rights(flags);
  declare_namespaces(flags);
}

void RunFlags::check_network_files() const {
  const builder::NetworkFiles& files = settings_.network_files;
  if (no_hosts_ && !files.add_hosts.empty()) {
    throw Error("--no-hosts and --add-host are used together");
  }
  bool is_none = false;
  for (const std::string& server : files.servers) {
    if (server != "none") check_address(server);
    is_none = is_none || server == "none";
  }
  if (is_none && files.servers.size() + files.searches.size() + files.options.size() > 1) {
    throw Error("--dns=none is used together with other --dns flags");
  }
}

builder::CommandSettings RunFlags::settings() const {
  check_network_files();
  runtime::CapabilitySet::container_default(settings_.cap_add, settings_.cap_drop);
  builder::CommandSettings settings = settings_;
  const ContainersConf& conf = ContainersConf::here();
  add_defaults(settings, conf);
  settings.http_proxy = http_proxy_.value_or(conf.http_proxy.value_or(true));
  if (shm_size_bytes_) settings.shm_size_bytes = *shm_size_bytes_;
  builder::NetworkFiles& files = settings.network_files;
  settings.rlimits = builder::parse_ulimits(ulimits_.empty() ? conf.ulimits : ulimits_);
  files.hosts = !no_hosts_ && !(conf.no_hosts.value_or(false) && files.add_hosts.empty());
  files.hostname = !no_hostname_;
  files.resolv_conf =
      std::find(files.servers.begin(), files.servers.end(), "none") == files.servers.end();
  if (settings.runtime.program.empty()) {
    settings.runtime.program = environment_variable("BUILDAH_RUNTIME").value_or("");
  }
  if (settings.runtime.program.empty() && !settings.runtime.flags.empty()) {
    throw Error("--runtime-flag is for the OCI runtime that --runtime names, and there is none");
  }
  settings.confinement =
      confined_.confinement(settings.cap_add, settings.cap_drop, conf.seccomp_profile);
  const std::string isolation =
      isolation_.value_or(environment_variable("BUILDAH_ISOLATION").value_or(""));
  settings.needs_namespaces = isolation == "oci" || isolation == "rootless";
  if (shares_network(isolation) && settings.network == builder::NetworkChoice::kDefault) {
    settings.network = builder::NetworkChoice::kHost;
  }
  return settings;
}

std::vector<std::string> RunFlags::words(const FlagSet& given) const {
  check_network_files();
  confined_.confinement(settings_.cap_add, settings_.cap_drop, "");
  builder::parse_ulimits(ulimits_);
  RunFlags same;
  FlagSet flags;
  same.declare(flags);
  return given.words_for(flags);
}

RunFacts RunFlags::facts() const {
  const bool is_root = ::geteuid() == 0 && !runtime::is_user_namespace();
  const std::string usual = is_root ? "oci" : "rootless";
  const std::string isolation =
      isolation_.value_or(environment_variable("BUILDAH_ISOLATION").value_or(""));
  const auto capabilities =
      runtime::CapabilitySet::container_default(settings_.cap_add, settings_.cap_drop);
  RunFacts facts{.isolation = isolation.empty() || isolation == "default" ? usual : isolation,
                 .network = settings_.network,
                 .shared = settings_.shared,
                 .capabilities = capabilities.names(),
                 .group_add = settings_.group_add};
  std::sort(facts.capabilities.begin(), facts.capabilities.end());
  return facts;
}

RunFacts facts_of(const std::vector<std::string>& words) {
  RunFlags run;
  FlagSet flags;
  run.declare(flags);
  flags.parse(words, FlagPlacement::kAnywhere);
  return run.facts();
}

builder::NetworkChoice parse_network(std::string_view text) {
  if (text == "default" || text.empty()) return builder::NetworkChoice::kDefault;
  if (text == "host") return builder::NetworkChoice::kHost;
  if (text == "none") return builder::NetworkChoice::kNone;
  for (const std::string_view own : {"private", "container", "pasta"}) {
    if (text == own) return builder::NetworkChoice::kPrivate;
  }
  throw Error("this network is not supported by bld yet: it has default, host, none and private");
}

}  // namespace bld::cmd
