#include "registry/credentials.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "base/error.h"
#include "base/file_io.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/certificates.h"
#include "registry/registries_conf.h"

namespace bld::registry {

namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr std::size_t kMaxFile = 1 << 20;
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kDockerHubKey = "https://index.docker.io/v1/";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Docker writes keys as URLs: "https://index.docker.io/v1/" is the registry docker.io.
std::string normalized_key(std::string_view key) {
  const std::size_t scheme = key.find("://");
  if (scheme != std::string_view::npos) {
    key = key.substr(scheme + 3);
    key = key.substr(0, key.find('/'));
  }
  while (key.ends_with('/')) key.remove_suffix(1);
  if (key == "index.docker.io" || key == "registry-1.docker.io") return "docker.io";
  return std::string(key);
}

// "registry/a/b" → itself, "registry/a", "registry".
std::vector<std::string> keys_for(const std::string& name) {
  std::vector<std::string> keys = {name};
  for (std::size_t slash = name.rfind('/'); slash != std::string::npos && slash > 0;
       slash = name.rfind('/', slash - 1)) {
    keys.push_back(name.substr(0, slash));
  }
  return keys;
}

std::optional<Credentials> read_entry(const Json& entry) {
  Credentials credentials;
  credentials.user = entry.string("username");
  credentials.password = entry.string("password");
  credentials.identity_token = entry.string("identitytoken");
  if (const std::string encoded = entry.string("auth"); !encoded.empty()) {
    const auto decoded = decode_base64(encoded);
    const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos) throw base::Error("\"auth\" is not base64 of USER:PASSWORD");
    credentials.user = decoded->substr(0, colon);
    credentials.password = decoded->substr(colon + 1);
    while (credentials.password.ends_with('\0')) credentials.password.pop_back();
  }
  if (credentials.user.empty() && credentials.identity_token.empty()) return std::nullopt;
  return credentials;
}

bool is_plain_component(const std::string& name) {
  return !name.empty() && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
         });
}

std::optional<Credentials> ask_helper(const std::string& helper, const std::string& registry) {
  const base::ProcessResult result = run_credential_helper(
      helper, "get", registry == "docker.io" ? std::string(kDockerHubKey) : registry);
  if (result.exit_status != 0) {
    if (result.output.find("credentials not found") != std::string::npos) return std::nullopt;
    throw base::Error("docker-credential-{}: exit status {}: {}", helper, result.exit_status,
                      base::printable(base::trim(result.output + result.error_output)));
  }
  const Json json = Json::parse(result.output, kMaxFile);
  Credentials credentials;
  credentials.user = json.string("Username");
  credentials.password = json.string("Secret");
  if (credentials.user == "<token>") {
    credentials.identity_token = credentials.password;
    credentials.user.clear();
    credentials.password.clear();
  }
  if (credentials.user.empty() && credentials.identity_token.empty()) return std::nullopt;
  return credentials;
}

std::optional<Credentials> find_in_auths(const Json& auths, const std::string& name) {
  for (const std::string& key : keys_for(name)) {
    for (const auto& [entry_name, entry] : auths.as_object()) {
      if (!entry.is_object() || normalized_key(entry_name) != key) continue;
      if (auto credentials = read_entry(entry)) return credentials;
    }
  }
  return std::nullopt;
}

std::optional<Credentials> find_in_text(const std::string& text, const std::string& name,
                                        bool is_old_format) {
  const Json json = Json::parse(text, kMaxFile);
  if (is_old_format) return find_in_auths(json, name);
  const std::string registry = name.substr(0, name.find('/'));
  if (json.find("credHelpers") != nullptr) {
    for (const std::string& key : keys_for(name)) {
      for (const auto& [host, helper] : json.string_map("credHelpers")) {
        if (normalized_key(host) != key) continue;
        if (auto credentials = ask_helper(helper, host)) return credentials;
      }
    }
  }
  if (const Json* auths = json.find("auths")) {
    if (auto credentials = find_in_auths(*auths, name)) return credentials;
  }
  const std::string store = json.string("credsStore");
  return store.empty() ? std::nullopt : ask_helper(store, registry);
}

bool is_named_alone(const ConnectionOptions& options) {
  return !options.auth_file.empty() || !environment("REGISTRY_AUTH_FILE").empty();
}

std::optional<Credentials> find_in_files(const std::string& name,
                                         const ConnectionOptions& options) {
  const bool alone = is_named_alone(options);
  for (const fs::path& file : credentials_files(options)) {
    std::error_code ignored;
    if (!alone && !fs::exists(file, ignored)) continue;
    try {
      const std::string text = base::read_file(file, kMaxFile);
      if (base::trim(text).empty()) continue;
      const bool is_old_format = file.filename() == ".dockercfg";
      if (auto credentials = find_in_text(text, name, is_old_format)) return credentials;
    } catch (base::Error& error) {
      error.add_context("credentials file " + file.string());
      throw;
    }
  }
  // What CI systems hand to their jobs.
  const std::string handed = alone ? "" : environment("DOCKER_AUTH_CONFIG");
  if (handed.empty()) return std::nullopt;
  try {
    return find_in_text(handed, name, false);
  } catch (base::Error& error) {
    error.add_context("DOCKER_AUTH_CONFIG");
    throw;
  }
}

std::optional<Credentials> find(const std::string& name, const ConnectionOptions& options) {
  // A file that was named is asked alone.
  if (is_named_alone(options)) return find_in_files(name, options);
  const RegistriesConf registries = RegistriesConf::load();
  for (const std::string& helper : registries.credential_helpers()) {
    auto credentials = helper == "containers-auth.json"
                           ? find_in_files(name, options)
                           : ask_helper(helper, name.substr(0, name.find('/')));
    if (credentials) return credentials;
  }
  return std::nullopt;
}

}  // namespace

std::vector<fs::path> credentials_files(const ConnectionOptions& options) {
  if (!options.auth_file.empty()) return {options.auth_file};
  if (const std::string named = environment("REGISTRY_AUTH_FILE"); !named.empty()) return {named};
  std::vector<fs::path> files;
  const fs::path home = user_home();
  // Who sets it wants it, also for what `login` writes.
  const std::string docker = environment("DOCKER_CONFIG");
  if (!docker.empty()) files.push_back(fs::path(docker) / "config.json");
  if (const std::string run = environment("XDG_RUNTIME_DIR"); !run.empty()) {
    files.push_back(fs::path(run) / "containers/auth.json");
  }
  if (const fs::path config = user_config_dir(); !config.empty()) {
    files.push_back(config / "containers/auth.json");
  }
  if (docker.empty() && !home.empty()) files.push_back(home / ".docker/config.json");
  if (!home.empty()) files.push_back(home / ".dockercfg");
  return files;
}

std::optional<Credentials> find_credentials(const image::Reference& repository,
                                            const ConnectionOptions& options) {
  if (!options.user.empty() || !options.password.empty()) {
    return Credentials{options.user, options.password, ""};
  }
  return find(repository.name(), options);
}

std::optional<Credentials> find_host_credentials(const std::string& host,
                                                 const ConnectionOptions& options) {
  return find(host, options);
}

base::ProcessResult run_credential_helper(const std::string& helper, std::string_view verb,
                                          const std::string& input) {
  if (!is_plain_component(helper)) {
    throw base::Error("\"{}\" is not the name of a credential helper", base::printable(helper));
  }
  base::ProcessOptions options;
  options.args = {"docker-credential-" + helper, std::string(verb)};
  options.input = input;
  options.output_limit_bytes = kMaxFile;
  return base::run_process(options);
}

std::string encode_base64(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= count ? kAlphabet[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  text = base::trim(text);
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    group = (group << 6 | static_cast<std::uint32_t>(value)) & 0xffffffU;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits & 0xff);
  }
  return bytes;
}

}  // namespace bld::registry
