#include "cmd/build_flags.h"

#include <algorithm>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "cmd/foreign_flags.h"

namespace bld::cmd {

using base::Error;

namespace {

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

bool reads_standard_input(const builder::BuildRequest& request) {
  const auto& files = request.containerfiles;
  return request.context == "-" || std::find(files.begin(), files.end(), "-") != files.end();
}

}  // namespace

void BuildFlags::declare_source(FlagSet& flags) {
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
}

void BuildFlags::declare(FlagSet& flags) {
  context_.declare(flags);
  declare_source(flags);
  image_.declare(flags);
  base_.declare(flags);
  output.declare(flags);
  check.declare(flags);
  steps_.declare(flags);
  connection_.declare(flags);
  platform_.declare(flags);
  pull_.declare(flags);
  declare_foreign_flags(flags);
}

builder::BuildRequest BuildFlags::request(const std::vector<std::string>& arguments) const {
  builder::BuildRequest request = request_;
  context_.apply(arguments, request);
  std::vector<builder::BuildArgument> from_files;
  for (const std::string& file : build_arg_files_) read_build_arguments(file, from_files);
  request.build_args.insert(request.build_args.begin(), from_files.begin(), from_files.end());
  request.connection = connection_.options();
  const std::vector<image::Platform> platforms = platform_.platforms();
  if (!platforms.empty()) request.platform = platforms.front();
  request.pull = pull_.policy();
  steps_.apply(request);
  image_.apply(request);
  base_.apply(request);
  output.apply(request);
  if (request.pass_stdin && reads_standard_input(request)) {
    throw Error("--stdin: standard input is read as the Containerfile or context already");
  }
  return request;
}

std::vector<builder::BuildRequest> BuildFlags::requests(
    const std::vector<std::string>& arguments) const {
  std::vector<builder::BuildRequest> requests = {request(arguments)};
  const std::vector<image::Platform> platforms = platform_.platforms();
  if (platforms.size() < 2) return requests;
  const builder::BuildRequest& first = requests.front();
  if (output.manifest.empty()) {
    Error error("several platforms need a manifest list to be in");
    error.hint("--manifest NAME");
    throw error;
  }
  if (!first.tags.empty() || !first.outputs.empty() || !output.metadata_file.empty()) {
    Error error("--tag, --output and --metadata-file are of one image, not of several platforms");
    error.hint("the list has a name: bld manifest push " + output.manifest);
    throw error;
  }
  if (first.pass_stdin || reads_standard_input(first)) {
    throw Error("standard input can be read for one platform only");
  }
  for (std::size_t i = 1; i < platforms.size(); ++i) {
    requests.push_back(first);
    requests.back().platform = platforms[i];
  }
  return requests;
}

}  // namespace bld::cmd
