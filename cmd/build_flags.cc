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

// The list and the image are two things.
void check_list_name(const std::string& list, const std::vector<image::Reference>& tags) {
  if (list.empty()) return;
  const auto name = image::Reference::parse_local(list).with_default_tag();
  if (std::find(tags.begin(), tags.end(), name) == tags.end()) return;
  throw Error("the same name must not be specified for both '--tag' and '--manifest'");
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
  flags.add_bool("all-platforms", all_platforms_,
                 "build for each platform that all base images are for");
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
  const std::vector<image::Platform> wanted = platforms();
  if (!wanted.empty() && all_platforms_)
    throw Error("--platform and --all-platforms are used together");
  if (!wanted.empty()) request.platform = wanted.front();
  request.pull = pull_.policy();
  steps_.apply(request);
  image_.apply(request);
  base_.apply(request);
  output.apply(request);
  check_list_name(output.manifest, request.tags);
  if (request.pass_stdin && request.reads_standard_input()) {
    throw Error("--stdin: standard input is read as the Containerfile or context already");
  }
  return request;
}

}  // namespace bld::cmd
