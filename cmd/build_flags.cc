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

}  // namespace

void BuildFlags::declare_source(FlagSet& flags) {
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
}

void BuildFlags::declare(FlagSet& flags) {
  declare_source(flags);
  image_.declare(flags);
  base_.declare(flags);
  output.declare(flags);
  check.declare(flags);
  steps_.declare(flags);
  connection_.declare(flags);
  platform_.declare(flags);
  pull_.declare(flags);
  flags.refuse({"cpp-flag"});
  declare_foreign_flags(flags);
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
  const bool reads_stdin =
      context == "-" || std::find(files_.begin(), files_.end(), "-") != files_.end();
  if (request.pass_stdin && reads_stdin) {
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
  const bool reads_stdin = std::find(files_.begin(), files_.end(), "-") != files_.end() ||
                           first.context == "-" || first.pass_stdin;
  if (reads_stdin) throw Error("standard input can be read for one platform only");
  for (std::size_t i = 1; i < platforms.size(); ++i) {
    requests.push_back(first);
    requests.back().platform = platforms[i];
  }
  return requests;
}

}  // namespace bld::cmd
