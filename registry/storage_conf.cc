#include "registry/storage_conf.h"

#include <unistd.h>

#include <cstdlib>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "base/toml.h"
#include "registry/certificates.h"

namespace bld::registry {

namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr std::size_t kMaxMap = 1 << 16;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Whom root of our user namespace is outside of it.
std::string outside_id(const char* map) {
  // "         0       1000          1" and so on, lowest first
  const std::string text = base::read_file(map, kMaxMap);
  std::vector<std::string> words;
  for (const std::string& word : base::split(text.substr(0, text.find('\n')), ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  return words.size() == 3 && words[0] == "0" ? words[1] : "0";
}

// "imagestore=DIR" and "DRIVER.imagestore=DIR" of options that name a store besides.
void add_image_stores(const std::vector<std::string>& options, StorageRoots& found) {
  for (const std::string& option : options) {
    const std::size_t equals = option.find('=');
    if (equals == std::string::npos) continue;
    const std::string key = option.substr(0, equals);
    const std::string name = key.substr(key.find('.') + 1);
    if (name != "imagestore" && name != "additionalimagestore") continue;
    for (const std::string& root : base::split(option.substr(equals + 1), ',')) {
      if (!root.empty()) found.roots.emplace_back(root);
    }
  }
}

StorageRoots read_spec(std::string spec) {
  StorageRoots found;
  if (const std::size_t at = spec.find('@'); at != std::string::npos) {
    found.driver = spec.substr(0, at);
    spec.erase(0, at + 1);
  }
  std::vector<std::string> options;
  if (const std::size_t colon = spec.find(':'); colon != std::string::npos) {
    options = base::split(spec.substr(colon + 1), ',');
    spec.erase(colon);
  }
  found.roots.emplace_back(spec.substr(0, spec.find('+')));
  add_image_stores(options, found);
  return found;
}

fs::path system_file() {
  for (const char* file : {"/etc/containers/storage.conf", "/usr/share/containers/storage.conf"}) {
    if (fs::exists(file)) return file;
  }
  return {};
}

Json read_conf(const fs::path& file) {
  std::error_code none;
  if (file.empty() || !fs::exists(file, none)) return Json::object();
  return base::read_toml(file);
}

const Json& table(const Json& of, std::string_view name) {
  static const Json kNothing = Json::object();
  const Json* found = of.find(name);
  return found != nullptr ? *found : kNothing;
}

// $HOME, $UID and $USER, as rootless_storage_path has them.
std::string expanded(std::string text, const std::string& uid) {
  const std::pair<std::string, std::string> values[] = {
      {"$HOME", user_home().string()}, {"$UID", uid}, {"$USER", environment("USER")}};
  for (const auto& [name, value] : values) {
    for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += value.size()) {
      text.replace(at, name.size(), value);
    }
  }
  return text;
}

fs::path user_data_dir() {
  const std::string data = environment("XDG_DATA_HOME");
  return data.empty() ? user_home() / ".local/share" : fs::path(data);
}

void add_options(const Json& conf, const std::string& uid, StorageRoots& found) {
  const Json& storage = table(conf, "storage");
  const Json& options = table(storage, "options");
  for (const std::string& root : options.strings("additionalimagestores")) {
    found.roots.emplace_back(expanded(root, uid));
  }
  if (const std::string root = storage.string("imagestore"); !root.empty()) {
    found.roots.emplace_back(expanded(root, uid));
  }
}

StorageRoots of_user(const std::string& uid) {
  const Json system = read_conf(system_file());
  const std::string named = environment("CONTAINERS_STORAGE_CONF");
  const fs::path own_file =
      named.empty() ? user_config_dir() / "containers/storage.conf" : fs::path(named);
  const Json own = read_conf(own_file);
  const Json& storage = table(own, "storage");
  StorageRoots found;
  found.driver = storage.string("driver");
  // graphroot of the system's file is root's store; what it says of users is another key.
  std::string root = storage.string("graphroot");
  if (root.empty()) root = storage.string("rootless_storage_path");
  if (root.empty()) root = table(system, "storage").string("rootless_storage_path");
  found.roots.push_back(root.empty() ? user_data_dir() / "containers/storage"
                                     : fs::path(expanded(root, uid)));
  add_options(table(own, "storage").find("options") != nullptr ? own : system, uid, found);
  return found;
}

StorageRoots of_root() {
  const std::string named = environment("CONTAINERS_STORAGE_CONF");
  const Json conf = read_conf(named.empty() ? system_file() : fs::path(named));
  const Json& storage = table(conf, "storage");
  StorageRoots found;
  found.driver = storage.string("driver");
  const std::string root = storage.string("graphroot");
  found.roots.emplace_back(root.empty() ? "/var/lib/containers/storage" : root);
  add_options(conf, "0", found);
  return found;
}

}  // namespace

StorageRoots storage_roots(const std::string& spec) {
  if (!spec.empty()) return read_spec(spec);
  const std::string uid = outside_ids().uid;
  StorageRoots found = uid == "0" ? of_root() : of_user(uid);
  if (const std::string driver = environment("STORAGE_DRIVER"); !driver.empty()) {
    found.driver = driver;
  }
  add_image_stores(base::split(environment("STORAGE_OPTS"), ','), found);
  return found;
}

OutsideIds outside_ids() {
  if (::geteuid() != 0) return {std::to_string(::geteuid()), std::to_string(::getegid())};
  return {outside_id("/proc/self/uid_map"), outside_id("/proc/self/gid_map")};
}

}  // namespace bld::registry
