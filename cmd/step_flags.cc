#include "cmd/step_flags.h"

#include <sys/stat.h>

#include <chrono>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "cmd/cache_flag.h"
#include "cmd/options.h"
#include "dockerfile/csv.h"
#include "dockerfile/values.h"

namespace bld::cmd {

using base::Error;

namespace {

std::map<std::string, std::string> parse_fields(const std::string& text) {
  std::map<std::string, std::string> fields;
  for (const std::string& part : dockerfile::split_csv(text)) {
    KeyAndValue field = parse_key_value(part);
    if (!fields.emplace(field.key, field.value.value_or("")).second) {
      throw Error("\"{}\" is given twice", field.key);
    }
  }
  return fields;
}

}  // namespace

builder::SecretSource parse_secret(const std::string& text) {
  builder::SecretSource secret;
  std::string source, type;
  for (auto& [key, value] : parse_fields(text)) {
    if (key == "id") {
      secret.id = value;
    } else if (key == "src" || key == "source") {
      source = value;
    } else if (key == "env") {
      secret.variable = value;
    } else if (key == "type" && (value == "file" || value == "env")) {
      type = value;
    } else {
      throw Error("\"{}={}\" is unknown in a secret, which is id=ID[,src=FILE|,env=VARIABLE]", key,
                  value);
    }
  }
  if (secret.id.empty()) throw Error("a secret needs an id");
  if (!secret.variable.empty()) return secret;
  // Without a type an environment variable of the secret's name goes before a file.
  const bool of_environment =
      type == "env" ||
      (type.empty() && source.empty() && environment_variable(secret.id.c_str()).has_value());
  if (of_environment) {
    secret.variable = source.empty() ? secret.id : source;
  } else {
    secret.file = std::filesystem::absolute(source.empty() ? secret.id : source);
  }
  return secret;
}

builder::SshSource parse_ssh(const std::string& text) {
  KeyAndValue source = parse_key_value(text);
  builder::SshSource ssh;
  ssh.id = source.key;
  std::string paths = source.value.value_or("");
  if (paths.empty()) {
    const auto socket = environment_variable("SSH_AUTH_SOCK");
    if (!socket) throw Error("SSH_AUTH_SOCK is not set: no agent to forward");
    paths = *socket;
  }
  for (const std::string& path : base::split(paths, ',')) {
    struct stat status = {};
    if (::stat(path.c_str(), &status) != 0) throw Error::sys("stat", path);
    if (S_ISSOCK(status.st_mode)) {
      ssh.socket = std::filesystem::absolute(path);
    } else {
      ssh.keys.push_back(std::filesystem::absolute(path));
    }
  }
  if (!ssh.socket.empty() && (ssh.keys.size() > 0 || paths.find(',') != std::string::npos)) {
    throw Error("one agent, or keys: not \"{}\"", paths);
  }
  return ssh;
}

void StepFlags::declare(FlagSet& flags) {
  flags.add(
      "secret", "id=ID[,src=FILE|,env=VARIABLE]",
      [this](const std::string& text) { secrets_.push_back(parse_secret(text)); },
      "a secret for RUN --mount=type=secret");
  flags.add(
      "ssh", "default|ID[=SOCKET|KEY,…]",
      [this](const std::string& text) { ssh_.push_back(parse_ssh(text)); },
      "an agent, or keys, for RUN --mount=type=ssh");
  flags.add_comma_list("allow", "security.insecure", allowed_,
                       "allow RUN --security=insecure; network.host needs no permission");
  flags.add_bool("no-cache", no_cache_, "do every step again");
  flags.add(
      "cache-ttl", "DURATION", [this](const std::string& text) { take_cache_ttl(text); },
      "do again what was done longer ago than this (\"24h\"); 0: as --no-cache");
  flags.add(
      "cache-from", "REPOSITORY",
      [this](const std::string& text) { cache_from_.push_back(parse_cache_repository(text)); },
      "look for what steps gave there, too: REGISTRY/NAME or oci:DIR");
  flags.add(
      "cache-to", "REPOSITORY",
      [this](const std::string& text) { cache_to_.push_back(parse_cache_repository(text)); },
      "put what steps gave there, for other machines");
  flags.add_comma_list("no-cache-filter", "STAGE", no_cache_stages_,
                       "do every step of this stage again");
  flags.add_bool("skip-unused-stages", skip_unused_stages_,
                 "build only what the target needs (default true)");
  flags.add_bool("compat-volumes", compat_volumes_,
                 "forget what a command writes to a VOLUME that is declared before it");
  flags.add_bool("stdin", stdin_, "the commands read standard input");
  flags.add(
      "jobs", "N",
      [this](const std::string& text) {
        const auto number = base::parse_unsigned(text);
        if (!number || *number > 1000) throw Error("\"{}\" is no number of jobs", text);
        jobs_ = static_cast<unsigned>(*number);
      },
      "steps at the same time; 0 (default): as many as processors");
  run_.declare(flags);
}

void StepFlags::take_cache_ttl(const std::string& text) {
  const std::chrono::nanoseconds age(dockerfile::parse_duration_ns(text));
  if (age.count() < 0) throw Error("\"{}\" is no age", text);
  if (age.count() == 0) no_cache_ = true;
  cache_since_ = std::chrono::ceil<std::chrono::seconds>(std::chrono::system_clock::now() - age);
}

void StepFlags::apply(builder::BuildRequest& request) const {
  // A slip in the path is told now, and not when a command wants the secret.
  for (const builder::SecretSource& secret : secrets_) {
    if (secret.file.empty() || ::access(secret.file.c_str(), F_OK) == 0) continue;
    Error error = Error::sys("open", secret.file.string());
    error.add_context("--secret id=" + base::printable(secret.id));
    throw error.hint("a secret is read from src=FILE or from the environment variable of env=NAME");
  }
  request.secrets = secrets_;
  request.ssh = ssh_;
  for (const std::string& permission : allowed_) {
    if (permission != "security.insecure" && permission != "network.host") {
      throw Error("--allow {}: there are security.insecure and network.host", permission);
    }
    request.allow_insecure = request.allow_insecure || permission == "security.insecure";
  }
  request.use_cache = !no_cache_;
  request.cache_since = cache_since_;
  request.cache_from = cache_from_;
  request.cache_to = cache_to_;
  request.no_cache_stages = no_cache_stages_;
  request.skip_unused_stages = skip_unused_stages_;
  request.pass_stdin = stdin_;
  request.compat_volumes = compat_volumes_;
  // Which of several commands at a time would get a line is nobody's guess.
  request.jobs = stdin_ ? 1 : jobs_;
  request.commands = run_.settings();
}

}  // namespace bld::cmd
