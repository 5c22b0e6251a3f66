#include "cmd/build_flags.h"

#include <sys/stat.h>

#include <map>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"

namespace bld::cmd {

using base::Error;

namespace {

std::int64_t parse_seconds(const std::string& text) {
  const auto number = base::parse_unsigned(text);
  if (!number || *number > (1ULL << 40)) throw Error("\"{}\" is no number of seconds", text);
  return static_cast<std::int64_t>(*number);
}

builder::ImageFormat parse_format(const std::string& text) {
  if (text == "oci") return builder::ImageFormat::kOci;
  if (text == "docker") return builder::ImageFormat::kDocker;
  throw Error("unrecognized image type \"{}\": must be oci or docker", text);
}

builder::BuildArgument parse_build_argument(const std::string& text) {
  KeyAndValue argument = parse_key_value(text);
  return {std::move(argument.key), std::move(argument.value)};
}

// Lines NAME=VALUE or NAME; empty ones and those that begin with '#' are passed over.
void read_build_arguments(const std::string& file, std::vector<builder::BuildArgument>& arguments) {
  for (const std::string& raw : base::split(base::read_file(file, 1 << 20), '\n')) {
    const std::string line(base::trim(raw));
    if (line.empty() || line[0] == '#') continue;
    arguments.push_back(parse_build_argument(line));
  }
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::function<void(std::string)> append_pair(Pairs& pairs) {
  return [&pairs](const std::string& text) {
    KeyAndValue pair = parse_key_value(text);
    pairs.emplace_back(std::move(pair.key), pair.value.value_or(""));
  };
}

std::map<std::string, std::string> parse_fields(const std::string& text) {
  std::map<std::string, std::string> fields;
  for (const std::string& part : base::split(text, ',')) {
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
  std::string path = source.value.value_or("");
  if (path.empty()) {
    const auto socket = environment_variable("SSH_AUTH_SOCK");
    if (!socket) throw Error("SSH_AUTH_SOCK is not set: no agent to forward");
    path = *socket;
  }
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) throw Error::sys("stat", path);
  if (!S_ISSOCK(status.st_mode)) {
    throw Error("{} is no socket of an agent; keys are not supported by bld yet", path);
  }
  ssh.socket = std::filesystem::absolute(path);
  return ssh;
}

void BuildFlags::declare_image(FlagSet& flags) {
  flags.add_list("tag,t", "NAME", tags, "name of the image; may be given more than once");
  flags.add("label", "KEY=VALUE", append_pair(request_.labels), "set a label of the image");
  flags.add_comma_list("unsetlabel", "KEY", request_.unset_labels, "remove a label");
  flags.add("annotation", "KEY=VALUE", append_pair(request_.annotations),
            "set an annotation of the image");
  flags.add_list("env", "NAME[=VALUE]", env_, "set a variable of the image's environment");
  flags.add_comma_list("unsetenv", "NAME", request_.unset_env,
                       "remove a variable of the image's environment");
  flags.add_text("format", "oci|docker", format_, "format of manifest and config");
  flags.add_bool("identity-label", request_.identity_label,
                 "label the image with bld's version (default true)");
  flags.add_bool("omit-history", request_.omit_history, "leave the history out of the image");
  flags.add(
      "timestamp", "SECONDS",
      [this](const std::string& text) { request_.timestamp = parse_seconds(text); },
      "time since 1970 that is written into the image");
  flags.add(
      "source-date-epoch", "SECONDS",
      [this](const std::string& text) { source_date_epoch_ = parse_seconds(text); },
      "the same, and for the steps as SOURCE_DATE_EPOCH");
  flags.add_bool("rewrite-timestamp", rewrite_timestamp_,
                 "make files in new layers no younger than the timestamp");
  flags.add_bool("squash", request_.squash, "make one layer of the whole image");
  flags.add_optional(
      "layers", "", "true", [this](const std::string& text) { layers_ = parse_bool(text); },
      "a layer for each step (default true)");
  flags.add_text("iidfile", "FILE", iid_file, "write the image's ID to a file");
}

void BuildFlags::declare_steps(FlagSet& flags) {
  flags.add_comma_list("file,f", "FILE", files_, "Containerfile; - is standard input");
  flags.add_text("target", "STAGE", request_.target, "build this stage");
  flags.add(
      "from", "IMAGE", [this](std::string text) { request_.from = std::move(text); },
      "use this image in the first FROM");
  flags.add(
      "build-arg", "NAME[=VALUE]",
      [this](const std::string& text) {
        request_.build_args.push_back(parse_build_argument(text));
      },
      "value of an ARG");
  flags.add_list("build-arg-file", "FILE", build_arg_files_, "file with values of ARGs");
  flags.add(
      "build-context", "NAME=VALUE",
      [this](const std::string& text) {
        KeyAndValue context = parse_key_value(text);
        if (!context.value) throw Error("a context is NAME=VALUE");
        request_.named_contexts[context.key] = *context.value;
      },
      "another context, by name: a directory or an image");
  flags.add_text("ignorefile", "FILE", ignore_file_, "use this file instead of .containerignore");
  flags.add(
      "secret", "id=ID[,src=FILE|,env=VARIABLE]",
      [this](const std::string& text) { request_.secrets.push_back(parse_secret(text)); },
      "a secret for RUN --mount=type=secret");
  flags.add(
      "ssh", "default|ID=SOCKET",
      [this](const std::string& text) { request_.ssh.push_back(parse_ssh(text)); },
      "an agent for RUN --mount=type=ssh");
  flags.add_bool("no-cache", no_cache_, "do every step again");
  flags.add(
      "jobs", "N",
      [this](const std::string& text) {
        const auto number = base::parse_unsigned(text);
        if (!number || *number > 1000) throw Error("\"{}\" is no number of jobs", text);
        request_.jobs = static_cast<unsigned>(*number);
      },
      "steps at the same time; 0 (default): as many as processors");
  flags.add_bool("http-proxy", request_.http_proxy,
                 "show http_proxy and its like to the commands (default true)");
  flags.add_comma_list("ulimit", "NAME=SOFT[:HARD]", request_.ulimits, "limit of the commands");
  flags.add(
      "shm-size", "SIZE",
      [this](const std::string& text) { request_.shm_size_bytes = parse_bytes(text); },
      "size of /dev/shm (default 64m)");
  flags.add_bool("quiet,q", quiet, "print the image's ID only");
  flags.add(
      "progress", "KIND", [this](std::string text) { progress = std::move(text); },
      "auto, tty, plain, rawjson or quiet");
  flags.add_text("logfile", "FILE", log_file, "write output to this file");
}

void BuildFlags::declare_unsupported(FlagSet& flags) {
  // What bld does anyway.
  for (const std::string_view name : {"rm", "skip-unused-stages", "inherit-labels",
                                      "inherit-annotations", "disable-compression,D"}) {
    add_fixed_bool(flags, name, true, "");
  }
  for (const std::string_view name : {"force-rm", "compress", "disable-content-trust"}) {
    flags.add_optional(
        name, "", "true", [](const std::string& text) { parse_bool(text); }, "");
  }
  for (const std::string_view name : {"all-platforms", "logsplit", "stdin", "compat-volumes"}) {
    add_fixed_bool(flags, name, false, "");
  }
  flags.refuse({"unsetannotation",
                "layer-label",
                "os-feature",
                "os-version",
                "manifest",
                "cache-from",
                "cache-to",
                "cache-ttl",
                "cpp-flag",
                "loglevel",
                "log-rusage",
                "rusage-logfile",
                "output,o",
                "created-annotation",
                "sign-by",
                "cw",
                "sbom",
                "sbom-output",
                "sbom-purl-output",
                "sbom-image-output",
                "sbom-image-purl-output",
                "sbom-scanner-image",
                "sbom-scanner-command",
                "sbom-merge-strategy",
                "metadata-file",
                "iidfile-raw"});
}

void BuildFlags::declare(FlagSet& flags) {
  declare_image(flags);
  declare_steps(flags);
  connection_.declare(flags);
  platform_.declare(flags);
  pull_.declare(flags);
  run_.declare(flags);
  declare_unsupported(flags);
}

void BuildFlags::take_environment(builder::BuildRequest& request) const {
  const auto layers = environment_variable("BUILDAH_LAYERS");
  if (layers_) {
    request.layers = *layers_;
  } else if (layers) {
    request.layers = parse_bool(*layers);
  }
  std::string format = format_;
  if (format.empty()) format = environment_variable("BUILDAH_FORMAT").value_or("oci");
  request.format = parse_format(format);
  std::optional<std::int64_t> epoch = source_date_epoch_;
  if (!epoch) {
    if (const auto text = environment_variable("SOURCE_DATE_EPOCH")) {
      try {
        epoch = parse_seconds(*text);
      } catch (Error& error) {
        error.add_context("SOURCE_DATE_EPOCH");
        throw;
      }
    }
  }
  if (source_date_epoch_ && request.timestamp) {
    throw Error("--timestamp and --source-date-epoch are used together");
  }
  if (request.timestamp) request.file_times = builder::FileTimes::kSet;
  if (!request.timestamp) request.timestamp = epoch;
  if (rewrite_timestamp_ && !request.timestamp) {
    throw Error("--rewrite-timestamp needs a time: --source-date-epoch or --timestamp");
  }
  if (rewrite_timestamp_ && request.file_times == builder::FileTimes::kKeep) {
    request.file_times = builder::FileTimes::kClamp;
  }
  if (!epoch) return;
  request.build_args.insert(request.build_args.begin(),
                            {"SOURCE_DATE_EPOCH", std::to_string(*epoch)});
}

builder::BuildRequest BuildFlags::request(const std::vector<std::string>& arguments) const {
  if (arguments.size() > 1) {
    throw Error("accepts at most 1 arg(s), received {}", arguments.size());
  }
  builder::BuildRequest request = request_;
  if (!arguments.empty()) request.context = arguments.front();
  const std::string context = request.context.string();
  if (context == "-" || context.find("://") != std::string::npos || context.starts_with("git@")) {
    throw Error("the context {} is no directory: this is not supported by bld yet", context);
  }
  if (!std::filesystem::is_directory(request.context)) {
    throw Error("the context is no directory: {}", context);
  }
  request.containerfiles.assign(files_.begin(), files_.end());
  if (!ignore_file_.empty()) request.ignore_file = ignore_file_;
  for (const std::string& tag : tags) {
    request.tags.push_back(image::Reference::parse_local(tag).with_default_tag());
  }
  std::vector<builder::BuildArgument> from_files;
  for (const std::string& file : build_arg_files_) read_build_arguments(file, from_files);
  request.build_args.insert(request.build_args.begin(), from_files.begin(), from_files.end());
  for (const std::string& text : env_) {
    const KeyAndValue variable = parse_key_value(text);
    const char* ours = std::getenv(variable.key.c_str());
    if (!variable.value && ours == nullptr) continue;
    request.env.emplace_back(variable.key, variable.value ? *variable.value : ours);
  }
  request.use_cache = !no_cache_;
  request.connection = connection_.options();
  request.platform = platform_.platform();
  request.pull = pull_.policy();
  request.network = run_.network;
  request.add_hosts = run_.add_hosts;
  request.cap_add = run_.cap_add;
  request.cap_drop = run_.cap_drop;
  request.volumes = run_.volumes;
  take_environment(request);
  return request;
}

}  // namespace bld::cmd
