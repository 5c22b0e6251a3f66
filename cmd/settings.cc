#include "cmd/settings.h"

#include <string>

#include "base/error.h"
#include "base/json.h"
#include "base/toml.h"
#include "cmd/options.h"
#include "registry/certificates.h"

namespace bld::cmd {

namespace {

namespace fs = std::filesystem;
using base::Error;
using base::Json;

void read_store(const Json& table, Settings& settings) {
  for (const auto& [key, value] : table.as_object()) {
    if (key != "limit") throw Error("[store] has no key \"{}\": it has limit", key);
    settings.store_limit_bytes = parse_bytes(value.as_string());
  }
}

void read_file(const fs::path& file, Settings& settings) try {
  const Json json = base::read_toml(file);
  for (const auto& [key, value] : json.as_object()) {
    if (key != "store") throw Error("there is no table \"{}\": there is [store]", key);
    read_store(value, settings);
  }

} catch (Error& error) {
  error.add_context("the configuration " + file.string());
  throw;
}

}  // namespace

Settings read_settings(const std::vector<fs::path>& files) {
  Settings settings;
  for (const fs::path& file : files) {
    std::error_code unreadable;
    if (fs::exists(file, unreadable)) read_file(file, settings);
  }
  return settings;
}

Settings read_settings() {
  std::vector<fs::path> files{"/etc/bld/bld.conf"};
  const fs::path own = registry::user_config_dir();
  if (!own.empty()) files.push_back(own / "bld/bld.conf");
  return read_settings(files);
}

}  // namespace bld::cmd
