#include "cmd/output_flags.h"

#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

using base::Error;
using builder::Output;
using builder::OutputKind;

namespace {

// What cannot work is said before the build, not after it.
void check_destination(const Output& output) {
  namespace fs = std::filesystem;
  if (output.to_standard_output()) {
    if (!is_terminal(STDOUT_FILENO)) return;
    Error error("an archive is not written to a terminal");
    error.hint("redirect standard output, or say where to: dest=FILE");
    throw error;
  }
  const bool is_directory =
      output.kind == OutputKind::kDirectory || output.kind == OutputKind::kOciLayout;
  if (is_directory) {
    if (fs::exists(output.destination) && !fs::is_directory(output.destination)) {
      throw Error("{} is there already and no directory", output.destination.string());
    }
    return;
  }
  if (fs::is_directory(output.destination)) {
    throw Error("{} is a directory, a file is to be written", output.destination.string());
  }
  if (!fs::is_directory(output.destination.parent_path())) {
    throw Error("there is no directory {}", output.destination.parent_path().string());
  }
}

// A file of the user's that is made beside and renamed.
void check_file(const std::string& name, const std::string& file) {
  if (file.empty()) return;
  const auto folder = std::filesystem::absolute(file).parent_path();
  if (!std::filesystem::is_directory(folder)) {
    throw Error("--{}: there is no directory {}", name, folder.string());
  }
}

void check_push(const builder::BuildRequest& request) {
  if (request.tags.empty()) throw Error("to be pushed, the image needs a name: --tag NAME");
  for (const image::Reference& name : request.tags) {
    if (name.registry() != "localhost") continue;
    Error error("{} cannot be pushed: localhost/ names images of this machine", name.str());
    error.hint("give it the name of a registry: --tag REGISTRY/NAME");
    throw error;
  }
}

}  // namespace

void OutputFlags::declare(FlagSet& flags) {
  flags.add(
      "output,o", "DIR|-|type=KIND,dest=PATH",
      [this](const std::string& text) { take(parse_output(text)); },
      "write files or image: local, tar, oci, docker, image, registry; may be repeated");
  flags.add_text("manifest", "NAME", manifest, "add the image to this manifest list");
  flags.add_bool("push", push_, "push the image to the registries of its names");
  // Where the image is kept is where everything of bld looks for it.
  flags.add_optional(
      "load", "", "true", [](const std::string& text) { parse_bool(text); },
      "nothing: the image is in the store anyway");
  flags.add_text("iidfile", "FILE", iid_file, "write the image's ID to a file");
  flags.add_text("iidfile-raw", "FILE", raw_iid_file,
                 "write the image's ID to a file, without \"sha256:\"");
  flags.add_text("metadata-file", "FILE", metadata_file,
                 "write digests and names of the image to a file, as JSON");
  flags.add_bool("quiet,q", quiet, "print the image's ID only");
  flags.add(
      "progress", "KIND", [this](std::string text) { progress = std::move(text); },
      "auto, tty, plain, rawjson or quiet");
  flags.add_text("logfile", "FILE", log_file, "write output to this file");
  flags.add_bool("log-rusage", log_usage, "tell what each step took: time, input and output");
  flags.add_text("rusage-logfile", "FILE", usage_log_file, "write that to this file");
  flags.add_bool("logsplit", log_split_, "put the platform behind the name of --logfile");
}

std::string OutputFlags::log_path(const builder::BuildRequest& request) const {
  if (!log_split_) return log_file;
  if (log_file.empty()) throw Error("cannot use --logsplit without --logfile");
  const image::Platform platform = request.platform.value_or(image::Platform::host());
  return fmt::format("{}_{}_{}", log_file, platform.os, platform.architecture);
}

void OutputFlags::take(OutputSpec spec) {
  if (spec.output.kind == OutputKind::kRegistry) {
    names_.insert(names_.end(), spec.output.names.begin(), spec.output.names.end());
  }
  annotations_.insert(annotations_.end(), spec.annotations.begin(), spec.annotations.end());
  rewrite_timestamp_ = rewrite_timestamp_ || spec.rewrite_timestamp;
  if (spec.leaves_store) outputs_.push_back(std::move(spec.output));
}

void OutputFlags::apply(builder::BuildRequest& request) const {
  for (const image::Reference& name : names_) {
    if (std::find(request.tags.begin(), request.tags.end(), name) == request.tags.end()) {
      request.tags.push_back(name);
    }
  }
  request.annotations.insert(request.annotations.end(), annotations_.begin(), annotations_.end());
  if (rewrite_timestamp_ && !request.timestamp) {
    throw Error("rewrite-timestamp needs a time: --source-date-epoch or SOURCE_DATE_EPOCH");
  }
  if (rewrite_timestamp_ && request.file_times == builder::FileTimes::kKeep) {
    request.file_times = builder::FileTimes::kClamp;
  }
  request.outputs.insert(request.outputs.end(), outputs_.begin(), outputs_.end());
  const bool is_pushed = std::any_of(outputs_.begin(), outputs_.end(), [](const Output& output) {
    return output.kind == OutputKind::kRegistry;
  });
  if (push_ && !is_pushed) request.outputs.push_back({.kind = OutputKind::kRegistry});
  int to_standard_output = 0;
  for (const Output& output : request.outputs) {
    if (output.kind == OutputKind::kRegistry) {
      check_push(request);
    } else if (output.kind != OutputKind::kLocation) {
      check_destination(output);
    }
    to_standard_output += output.to_standard_output() ? 1 : 0;
  }
  check_file("rusage-logfile", usage_log_file);
  if (!usage_log_file.empty() && !log_usage) {
    throw Error("--rusage-logfile needs --log-rusage");
  }
  check_file("iidfile", iid_file);
  check_file("iidfile-raw", raw_iid_file);
  check_file("metadata-file", metadata_file);
  if (to_standard_output > 1) throw Error("only one output can go to standard output");
}

}  // namespace bld::cmd
