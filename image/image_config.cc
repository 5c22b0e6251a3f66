#include "image/image_config.h"

#include <fmt/chrono.h>

#include <algorithm>

#include "base/error.h"
#include "base/json.h"

namespace bld::image {

using base::Json;

namespace {

std::vector<std::string> keys_of(const Json& object, std::string_view key) {
  std::vector<std::string> keys;
  if (const Json* member = object.find(key)) {
    for (const auto& [name, ignored] : member->as_object()) keys.push_back(name);
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::optional<std::vector<std::string>> optional_strings(const Json& object, std::string_view key) {
  std::vector<std::string> values = object.strings(key);
  // An empty list says no more than none, and is not written.
  if (values.empty()) return std::nullopt;
  return values;
}

Healthcheck read_healthcheck(const Json& json) {
  Healthcheck healthcheck;
  healthcheck.test = json.strings("Test");
  healthcheck.interval = std::chrono::nanoseconds(json.integer("Interval"));
  healthcheck.timeout = std::chrono::nanoseconds(json.integer("Timeout"));
  healthcheck.start_period = std::chrono::nanoseconds(json.integer("StartPeriod"));
  healthcheck.start_interval = std::chrono::nanoseconds(json.integer("StartInterval"));
  const std::int64_t retries = json.integer("Retries");
  if (!std::in_range<int>(retries)) throw base::Error("\"Retries\" is out of range");
  healthcheck.retries = static_cast<int>(retries);
  return healthcheck;
}

RunConfig read_run_config(const Json& json) {
  RunConfig config;
  config.hostname = json.string("Hostname");
  config.domainname = json.string("Domainname");
  config.user = json.string("User");
  config.exposed_ports = keys_of(json, "ExposedPorts");
  config.env = json.strings("Env");
  config.entrypoint = optional_strings(json, "Entrypoint");
  config.cmd = optional_strings(json, "Cmd");
  config.volumes = keys_of(json, "Volumes");
  config.working_dir = json.string("WorkingDir");
  config.labels = json.string_map("Labels");
  config.stop_signal = json.string("StopSignal");
  if (const Json* healthcheck = json.find("Healthcheck")) {
    config.healthcheck = read_healthcheck(*healthcheck);
  }
  config.shell = json.strings("Shell");
  config.on_build = json.strings("OnBuild");
  return config;
}

History read_history(const Json& json) {
  return {.created = json.string("created"),
          .created_by = json.string("created_by"),
          .author = json.string("author"),
          .comment = json.string("comment"),
          .empty_layer = json.boolean("empty_layer")};
}

void add_unless_empty(Json& json, const char* key, const std::string& value) {
  if (!value.empty()) json.add(key, value);
}

void add_set(Json& json, const char* key, const std::vector<std::string>& names) {
  if (names.empty()) return;
  Json set = Json::object();
  for (const std::string& name : names) set.add(name, Json::object());
  json.add(key, std::move(set));
}

void add_list(Json& json, const char* key, const std::vector<std::string>& values) {
  if (!values.empty()) json.add(key, Json::from(values));
}

void add_nanoseconds(Json& json, const char* key, std::chrono::nanoseconds value) {
  if (value.count() != 0) json.add(key, Json(std::int64_t{value.count()}));
}

Json write_healthcheck(const Healthcheck& healthcheck) {
  Json json = Json::object();
  add_list(json, "Test", healthcheck.test);
  add_nanoseconds(json, "Interval", healthcheck.interval);
  add_nanoseconds(json, "Timeout", healthcheck.timeout);
  add_nanoseconds(json, "StartPeriod", healthcheck.start_period);
  add_nanoseconds(json, "StartInterval", healthcheck.start_interval);
  if (healthcheck.retries != 0) json.add("Retries", healthcheck.retries);
  return json;
}

Json write_run_config(const RunConfig& config) {
  Json json = Json::object();
  add_unless_empty(json, "Hostname", config.hostname);
  add_unless_empty(json, "Domainname", config.domainname);
  add_unless_empty(json, "User", config.user);
  add_set(json, "ExposedPorts", config.exposed_ports);
  add_list(json, "Env", config.env);
  if (config.entrypoint) add_list(json, "Entrypoint", *config.entrypoint);
  if (config.cmd) add_list(json, "Cmd", *config.cmd);
  add_set(json, "Volumes", config.volumes);
  add_unless_empty(json, "WorkingDir", config.working_dir);
  if (!config.labels.empty()) json.add("Labels", Json::from(config.labels));
  add_unless_empty(json, "StopSignal", config.stop_signal);
  if (config.healthcheck) json.add("Healthcheck", write_healthcheck(*config.healthcheck));
  add_list(json, "Shell", config.shell);
  add_list(json, "OnBuild", config.on_build);
  return json;
}

Json write_history(const History& history) {
  Json json = Json::object();
  add_unless_empty(json, "created", history.created);
  add_unless_empty(json, "created_by", history.created_by);
  add_unless_empty(json, "author", history.author);
  add_unless_empty(json, "comment", history.comment);
  if (history.empty_layer) json.add("empty_layer", true);
  return json;
}

}  // namespace

ImageConfig ImageConfig::parse(std::string_view text) try {
  const Json json = Json::parse(text);
  ImageConfig config;
  config.created = json.string("created");
  config.author = json.string("author");
  config.comment = json.string("comment");
  config.parent = json.string("parent");
  config.platform = {.os = json.string("os"),
                     .architecture = json.string("architecture"),
                     .variant = json.string("variant"),
                     .os_version = json.string("os.version"),
                     .os_features = json.strings("os.features")};
  if (const Json* run = json.find("config")) config.config = read_run_config(*run);
  if (const Json* rootfs = json.find("rootfs")) {
    for (const std::string& id : rootfs->strings("diff_ids")) {
      config.diff_ids.push_back({Digest::parse(id)});
    }
  }
  if (const Json* history = json.find("history")) {
    for (const Json& entry : history->as_array()) config.history.push_back(read_history(entry));
  }
  return config;

} catch (base::Error& error) {
  error.add_context("image config");
  throw;
}

std::string ImageConfig::json() const {
  Json json = Json::object();
  add_unless_empty(json, "created", created);
  add_unless_empty(json, "author", author);
  add_unless_empty(json, "comment", comment);
  add_unless_empty(json, "parent", parent);
  json.add("architecture", platform.architecture);
  add_unless_empty(json, "variant", platform.variant);
  json.add("os", platform.os);
  add_unless_empty(json, "os.version", platform.os_version);
  add_list(json, "os.features", platform.os_features);
  json.add("config", write_run_config(config));
  Json layers = Json::array();
  for (const DiffId& id : diff_ids) layers.push(id.digest.str());
  json.add("rootfs", Json::object().add("type", "layers").add("diff_ids", std::move(layers)));
  if (!history.empty()) {
    Json entries = Json::array();
    for (const History& entry : history) entries.push(write_history(entry));
    json.add("history", std::move(entries));
  }
  return json.str();
}

std::string format_time(std::chrono::sys_seconds time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

namespace {

// Takes so many digits, and what has to follow them, off the beginning.
std::optional<unsigned> take_number(std::string_view& rest, std::size_t digits,
                                    std::string_view then) {
  if (rest.size() < digits + then.size()) return std::nullopt;
  unsigned number = 0;
  for (const char c : rest.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  rest.remove_prefix(digits);
  if (!rest.starts_with(then)) return std::nullopt;
  rest.remove_prefix(then.size());
  return number;
}

// "Z", "+01:30"
std::optional<std::chrono::seconds> parse_offset(std::string_view zone) {
  using namespace std::chrono;
  if (zone == "Z") return seconds(0);
  const bool is_west = zone.starts_with('-');
  if (!is_west && !zone.starts_with('+')) return std::nullopt;
  zone.remove_prefix(1);
  const auto hour = take_number(zone, 2, ":"), minute = take_number(zone, 2, "");
  if (!hour || !minute || !zone.empty()) return std::nullopt;
  const seconds offset = hours(*hour) + minutes(*minute);
  return is_west ? -offset : offset;
}

}  // namespace

std::optional<std::chrono::sys_seconds> parse_time(std::string_view text) {
  using namespace std::chrono;
  const auto year_number = take_number(text, 4, "-"), month_number = take_number(text, 2, "-"),
             day_number = take_number(text, 2, "T"), hour = take_number(text, 2, ":"),
             minute = take_number(text, 2, ":"), second = take_number(text, 2, "");
  if (!year_number || !month_number || !day_number || !hour || !minute || !second) {
    return std::nullopt;
  }
  if (text.starts_with('.')) {
    text.remove_prefix(std::min(text.find_first_not_of("0123456789", 1), text.size()));
  }
  const auto offset = parse_offset(text);
  const year_month_day date{year(static_cast<int>(*year_number)), month(*month_number),
                            day(*day_number)};
  if (!offset || !date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return sys_days(date) + hours(*hour) + minutes(*minute) + seconds(*second) - *offset;
}

}  // namespace bld::image
