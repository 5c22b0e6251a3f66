#include "cmd/containers_conf.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "base/toml.h"
#include "cmd/options.h"
#include "cmd/render_error.h"
#include "cmd/standard_streams.h"
#include "registry/certificates.h"

namespace bld::cmd {

namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr std::size_t kMaxMountsFile = 1 << 20;

std::vector<fs::path> with_drop_ins(const fs::path& file) {
  std::vector<fs::path> files;
  std::error_code ignored;
  if (fs::exists(file, ignored)) files.push_back(file);
  std::vector<fs::path> more;
  for (const auto& entry : fs::directory_iterator(file.string() + ".d", ignored)) {
    if (entry.path().extension() == ".conf") more.push_back(entry.path());
  }
  std::sort(more.begin(), more.end());
  files.insert(files.end(), more.begin(), more.end());
  return files;
}

std::vector<fs::path> conf_files() {
  std::vector<fs::path> files;
  if (const auto named = environment_variable("CONTAINERS_CONF")) {
    files = {*named};
  } else {
    for (const fs::path& directory :
         {fs::path("/usr/share"), fs::path("/etc"), registry::user_config_dir()}) {
      if (directory.empty()) continue;
      const auto found = with_drop_ins(directory / "containers/containers.conf");
      files.insert(files.end(), found.begin(), found.end());
    }
  }
  if (const auto last = environment_variable("CONTAINERS_CONF_OVERRIDE")) files.emplace_back(*last);
  return files;
}

void read_list(const Json& table, std::string_view key, std::vector<std::string>& target) {
  const Json* member = table.find(key);
  if (member == nullptr) return;
  std::vector<std::string> list;
  bool appends = false;
  for (const Json& element : member->as_array()) {
    if (element.is_object()) {
      appends = element.boolean("append");
    } else {
      list.push_back(element.as_string());
    }
  }
  if (!appends) target.clear();
  target.insert(target.end(), list.begin(), list.end());
}

void read_bool_key(const Json& table, std::string_view key, std::optional<bool>& target) {
  if (const Json* member = table.find(key)) target = member->as_bool();
}

void read_number(const Json& table, std::string_view key, std::optional<std::int64_t>& target) {
  if (const Json* member = table.find(key)) target = member->as_integer();
}

void read_text_key(const Json& table, std::string_view key, std::string& target) {
  if (table.find(key) != nullptr) target = table.string(key);
}

// The user's, else the administrator's, else the distribution's.
std::string usual_mounts_file() {
  for (const fs::path& directory :
       {registry::user_config_dir(), fs::path("/etc"), fs::path("/usr/share")}) {
    if (directory.empty()) continue;
    const fs::path file = directory / "containers/mounts.conf";
    std::error_code ignored;
    if (fs::exists(file, ignored)) return file;
  }
  return {};
}

}  // namespace

void ContainersConf::add(const Json& file) {
  if (const Json* table = file.find("containers")) {
    read_list(*table, "env", env);
    read_list(*table, "default_capabilities", capabilities);
    read_list(*table, "default_ulimits", ulimits);
    read_list(*table, "volumes", volumes);
    read_list(*table, "devices", devices);
    read_list(*table, "dns_servers", dns_servers);
    read_list(*table, "dns_searches", dns_searches);
    read_list(*table, "dns_options", dns_options);
    read_bool_key(*table, "http_proxy", http_proxy);
    read_bool_key(*table, "no_hosts", no_hosts);
    read_text_key(*table, "shm_size", shm_size);
    read_text_key(*table, "seccomp_profile", seccomp_profile);
  }
  const Json* table = file.find("engine");
  if (table == nullptr) return;
  read_list(*table, "env", engine_env);
  read_number(*table, "retry", retry);
  read_text_key(*table, "retry_delay", retry_delay);
  read_text_key(*table, "compression_format", compression_format);
  read_number(*table, "compression_level", compression_level);
  read_list(*table, "add_compression", add_compression);
}

ContainersConf ContainersConf::load() {
  ContainersConf conf;
  for (const fs::path& file : conf_files()) {
    try {
      conf.add(base::read_toml(file));
    } catch (base::Error& error) {
      error.add_context(file.string());
      throw;
    }
  }
  return conf;
}

const ContainersConf& ContainersConf::here() {
  static const ContainersConf conf = load();
  return conf;
}

void set_engine_environment(const ContainersConf& conf) {
  for (const std::string& entry : conf.engine_env) {
    const KeyAndValue variable = parse_key_value(entry);
    ::setenv(variable.key.c_str(), variable.value.value_or("").c_str(), 0);
  }
}

std::vector<builder::VolumeMount> default_mounts(const std::string& file) {
  const std::string path = file.empty() ? usual_mounts_file() : file;
  std::vector<builder::VolumeMount> mounts;
  if (path.empty()) return mounts;
  for (const std::string& raw : base::split(base::read_file(path, kMaxMountsFile), '\n')) {
    const std::string_view line = base::trim(raw);
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t colon = line.find(':');
    const std::string host(line.substr(0, colon));
    const std::string target(colon == line.npos ? line : line.substr(colon + 1));
    if (!host.starts_with('/') || !target.starts_with('/')) {
      throw base::Error("{}: \"{}\" is not HOST:CONTAINER, two absolute paths", path,
                        base::printable(line));
    }
    std::error_code ignored;
    if (!fs::exists(host, ignored)) {
      print_error(render_warning(
          {fmt::format("{} of {} does not exist and is left out", host, path), std::nullopt}));
      continue;
    }
    const bool is_folder = fs::is_directory(host, ignored);
    mounts.push_back(
        {.host = host, .container = target, .read_only = !is_folder, .discard_changes = is_folder});
  }
  return mounts;
}

}  // namespace bld::cmd
