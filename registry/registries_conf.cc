#include "registry/registries_conf.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/toml.h"
#include "registry/certificates.h"

namespace bld::registry {

namespace {

namespace fs = std::filesystem;
using base::Json;
using image::Reference;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

fs::path usual_file() {
  for (const char* variable : {"CONTAINERS_REGISTRIES_CONF", "REGISTRIES_CONFIG_PATH"}) {
    if (const std::string named = environment(variable); !named.empty()) return named;
  }
  for (const fs::path& directory : {user_config_dir(), fs::path("/etc")}) {
    const fs::path file = directory / "containers/registries.conf";
    if (!directory.empty() && fs::exists(file)) return file;
  }
  return {};
}

fs::path noted_aliases() {
  fs::path file = environment("BLD_SHORT_NAME_ALIASES");
  if (file.empty()) {
    const std::string cache = environment("XDG_CACHE_HOME");
    const fs::path directory = cache.empty() ? user_home() / ".cache" : fs::path(cache);
    file = directory / "containers/short-name-aliases.conf";
  }
  std::error_code none;
  return fs::exists(file, none) ? file : fs::path();
}

std::vector<fs::path> files_in(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(directory, none)) {
    if (entry.path().extension() == ".conf") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// "*.example.com" or a host with or without folders, of which `name` is a part.
bool has_prefix(const std::string& name, const std::string& prefix) {
  if (prefix.starts_with("*.")) {
    const std::string host = name.substr(0, name.find('/'));
    return host.size() > prefix.size() - 1 && host.ends_with(prefix.substr(1));
  }
  return name == prefix || (name.starts_with(prefix) && name[prefix.size()] == '/');
}

Reference at(const Reference& reference, const std::string& prefix, const std::string& location) {
  // A wildcard stands for the host.
  const std::string name = reference.name();
  const std::size_t cut = prefix.starts_with("*.") ? name.find('/') : prefix.size();
  Reference moved = Reference::parse(location + name.substr(cut));
  if (!reference.tag().empty()) moved = moved.with_tag(reference.tag());
  if (reference.digest()) moved = moved.with_digest(*reference.digest());
  return moved;
}

std::string_view without_tag(std::string_view name) {
  return name.substr(0, std::min(name.find('@'), name.find(':', name.rfind('/') + 1)));
}

bool names_a_registry(std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view first = name.substr(0, slash);
  return first == "localhost" || first.find_first_of(".:") != std::string_view::npos;
}

}  // namespace

RegistriesConf RegistriesConf::load() {
  RegistriesConf conf;
  const fs::path file = usual_file();
  if (!file.empty()) conf.add(base::read_toml(file), file.string());
  std::vector<fs::path> directories;
  if (const std::string named = environment("BLD_REGISTRIES_CONF_DIR"); !named.empty()) {
    directories = {named};
  } else {
    for (const fs::path& directory : {fs::path("/etc"), user_config_dir()}) {
      directories.push_back(directory / "containers/registries.conf.d");
    }
  }
  for (const fs::path& directory : directories) {
    for (const fs::path& more : files_in(directory)) conf.add(base::read_toml(more), more.string());
  }
  if (const fs::path noted = noted_aliases(); !noted.empty()) {
    conf.add(base::read_toml(noted), noted.string());
  }
  if (const std::string sources = environment("BUILD_REGISTRY_SOURCES"); !sources.empty()) {
    conf.read_sources(sources);
  }
  return conf;
}

void RegistriesConf::add(const Json& file, const std::string& name) try {
  if (file.find("unqualified-search-registries") != nullptr) {
    unqualified_ = file.strings("unqualified-search-registries");
    unqualified_file_ = name;
  }
  if (const std::string mode = file.string("short-name-mode"); !mode.empty()) {
    if (mode != "enforcing" && mode != "permissive" && mode != "disabled") {
      throw base::Error("invalid short-name mode: \"{}\"", mode);
    }
    is_enforcing_ = mode == "enforcing";
  }
  if (file.find("credential-helpers") != nullptr) {
    credential_helpers_ = file.strings("credential-helpers");
  }
  for (const auto& [alias, target] : file.string_map("aliases")) {
    if (target.empty()) {
      aliases_.erase(alias);
    } else {
      aliases_[alias] = {target, name};
    }
  }
  if (const Json* old = file.find("registries")) add_version_1(*old, name);
  const Json* tables = file.find("registry");
  if (tables == nullptr) return;
  for (const Json& table : tables->as_array()) {
    Registry registry = read_registry(table, name);
    std::erase_if(registries_, [&](const Registry& r) { return r.prefix == registry.prefix; });
    registries_.push_back(std::move(registry));
  }

} catch (base::Error& error) {
  error.add_context(name);
  throw;
}

void RegistriesConf::read_sources(const std::string& json) try {
  const Json sources = Json::parse(json);
  sources_ = {.insecure = sources.strings("insecureRegistries"),
              .blocked = sources.strings("blockedRegistries"),
              .allowed = sources.strings("allowedRegistries")};

} catch (base::Error& error) {
  error.add_context("BUILD_REGISTRY_SOURCES");
  throw;
}

void RegistriesConf::check_sources(const Reference& reference, std::string_view what) const {
  const auto names = [&](const std::vector<std::string>& list) {
    return std::find(list.begin(), list.end(), reference.registry()) != list.end();
  };
  if (names(sources_.blocked)) {
    throw base::Error(
        "{} registry at \"{}\" denied by policy: it is in the blocked registries list", what,
        reference.registry());
  }
  if (!sources_.allowed.empty() && !names(sources_.allowed)) {
    throw base::Error("{} registry at \"{}\" denied by policy: not in allowed registries list",
                      what, reference.registry());
  }
}

RegistriesConf::Registry RegistriesConf::read_registry(const Json& table, const std::string& name) {
  Registry registry{.prefix = table.string("prefix"),
                    .location = table.string("location"),
                    .insecure = table.boolean("insecure"),
                    .blocked = table.boolean("blocked"),
                    .mirrors = {},
                    .file = name};
  if (registry.prefix.empty()) registry.prefix = registry.location;
  if (registry.prefix.empty()) throw base::Error("a [[registry]] has neither prefix nor location");
  const bool only_digests = table.boolean("mirror-by-digest-only");
  const Json* mirrors = table.find("mirror");
  if (mirrors == nullptr) return registry;
  for (const Json& entry : mirrors->as_array()) {
    const std::string from = entry.string("pull-from-mirror");
    if (!from.empty() && from != "all" && from != "digest-only" && from != "tag-only") {
      throw base::Error("pull-from-mirror = \"{}\" is none of all, digest-only, tag-only", from);
    }
    registry.mirrors.push_back({.location = entry.string("location"),
                                .insecure = entry.boolean("insecure"),
                                .for_tags = from != "digest-only" && !only_digests,
                                .for_digests = from != "tag-only"});
    if (registry.mirrors.back().location.empty()) {
      throw base::Error("a mirror of {} in {} has no location", registry.prefix, name);
    }
  }
  return registry;
}

// [registries.search], [registries.insecure] and [registries.block], each with `registries`.
void RegistriesConf::add_version_1(const Json& registries, const std::string& file) {
  const auto names = [&](const char* key) {
    const Json* table = registries.find(key);
    return table != nullptr ? table->strings("registries") : std::vector<std::string>();
  };
  if (const auto search = names("search"); !search.empty()) {
    unqualified_ = search;
    unqualified_file_ = file;
  }
  for (const std::string& name : names("insecure")) {
    registries_.push_back(
        {.prefix = name, .location = {}, .insecure = true, .mirrors = {}, .file = file});
  }
  for (const std::string& name : names("block")) {
    registries_.push_back(
        {.prefix = name, .location = {}, .blocked = true, .mirrors = {}, .file = file});
  }
}

const RegistriesConf::Alias* RegistriesConf::find_alias(std::string_view name) const {
  if (names_a_registry(name)) return nullptr;
  const auto alias = aliases_.find(without_tag(name));
  return alias == aliases_.end() ? nullptr : &alias->second;
}

std::vector<Reference> RegistriesConf::candidates(std::string_view name) const {
  const Reference plain = Reference::parse(name).with_default_tag();
  if (names_a_registry(name)) return {plain};
  // The name as it was written, and its tag and digest.
  const std::string bare(without_tag(name)), rest(name.substr(bare.size()));
  if (const Alias* alias = find_alias(name)) {
    return {Reference::parse(alias->target + rest).with_default_tag()};
  }
  std::vector<Reference> all;
  for (const std::string& registry : unqualified_) {
    all.push_back(Reference::parse(registry + "/" + bare + rest).with_default_tag());
  }
  if (all.empty()) all.push_back(plain);
  return all;
}

std::string RegistriesConf::explain(std::string_view name) const {
  const std::string bare(without_tag(name));
  if (const Alias* alias = find_alias(name)) {
    return fmt::format("Resolved \"{}\" as an alias ({})", bare, alias->file);
  }
  if (names_a_registry(name) || unqualified_.empty()) return "";
  return fmt::format("Resolving \"{}\" using unqualified-search registries ({})", bare,
                     unqualified_file_);
}

void RegistriesConf::check_short_name(std::string_view name) const {
  if (!is_enforcing_ || candidates(name).size() < 2) return;
  throw base::Error(
      "short-name \"{}\": short-name resolution enforced but cannot prompt without a TTY", name)
      .hint("write the registry in front of it, or give it an alias in registries.conf");
}

const RegistriesConf::Registry* RegistriesConf::find(const Reference& reference) const {
  const Registry* best = nullptr;
  for (const Registry& registry : registries_) {
    if (!has_prefix(reference.name(), registry.prefix)) continue;
    if (best == nullptr || registry.prefix.size() > best->prefix.size()) best = &registry;
  }
  if (best != nullptr && best->blocked) {
    throw base::Error("registry {} is blocked in {}", best->prefix, best->file);
  }
  return best;
}

RegistryEndpoint RegistriesConf::push_endpoint(const Reference& reference) const {
  check_sources(reference, "push to");
  return own_endpoint(reference);
}

RegistryEndpoint RegistriesConf::own_endpoint(const Reference& reference) const {
  const Registry* registry = find(reference);
  if (registry == nullptr) {
    const auto& insecure = sources_.insecure;
    return {reference,
            std::find(insecure.begin(), insecure.end(), reference.registry()) != insecure.end()};
  }
  if (registry->location.empty()) return {reference, registry->insecure};
  return {at(reference, registry->prefix, registry->location), registry->insecure};
}

std::vector<RegistryEndpoint> RegistriesConf::pull_endpoints(const Reference& reference) const {
  check_sources(reference, "pull from");
  std::vector<RegistryEndpoint> endpoints;
  if (const Registry* registry = find(reference)) {
    for (const Mirror& mirror : registry->mirrors) {
      if (!(reference.digest() ? mirror.for_digests : mirror.for_tags)) continue;
      endpoints.push_back({at(reference, registry->prefix, mirror.location), mirror.insecure});
    }
  }
  endpoints.push_back(own_endpoint(reference));
  return endpoints;
}

}  // namespace bld::registry
