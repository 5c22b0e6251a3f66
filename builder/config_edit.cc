#include "builder/config_edit.h"

#include <algorithm>

#include "base/rooted_dir.h"

namespace bld::builder {

namespace {

void insert_sorted(std::vector<std::string>& values, const std::string& value) {
  const auto place = std::lower_bound(values.begin(), values.end(), value);
  if (place == values.end() || *place != value) values.insert(place, value);
}

}  // namespace

std::vector<std::string> command_words(const dockerfile::CommandLine& command,
                                       const image::RunConfig& config) {
  if (!command.is_shell) return command.exec;
  std::vector<std::string> words = config.shell;
  if (words.empty()) words = {"/bin/sh", "-c"};
  words.push_back(command.shell_text);
  return words;
}

void add_exposed_port(image::RunConfig& config, const std::string& port) {
  insert_sorted(config.exposed_ports, port);
}

void add_volume(image::RunConfig& config, const std::string& path) {
  insert_sorted(config.volumes, path);
}

void set_healthcheck(image::RunConfig& config, const dockerfile::Healthcheck& healthcheck) {
  image::Healthcheck result;
  if (healthcheck.none) {
    result.test = {"NONE"};
  } else if (healthcheck.command.is_shell) {
    result.test = {"CMD-SHELL", healthcheck.command.shell_text};
  } else {
    result.test = {"CMD"};
    result.test.insert(result.test.end(), healthcheck.command.exec.begin(),
                       healthcheck.command.exec.end());
  }
  result.interval = std::chrono::nanoseconds(healthcheck.interval_ns);
  result.timeout = std::chrono::nanoseconds(healthcheck.timeout_ns);
  result.start_period = std::chrono::nanoseconds(healthcheck.start_period_ns);
  result.start_interval = std::chrono::nanoseconds(healthcheck.start_interval_ns);
  result.retries = healthcheck.retries;
  config.healthcheck = std::move(result);
}

std::string resolve_directory(const image::RunConfig& config, std::string_view path) {
  if (path.starts_with('/')) return base::clean_absolute(path);
  return base::clean_absolute(config.working_dir + "/" + std::string(path));
}

}  // namespace bld::builder
