// ENV, LABEL, CMD… as edits of an image's configuration; all values are expanded already.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/instruction.h"
#include "image/image_config.h"

namespace bld::builder {

inline constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The words of a command: those of the exec form, or the shell in force with the text.
std::vector<std::string> command_words(const dockerfile::CommandLine& command,
                                       const image::RunConfig& config);

void add_exposed_port(image::RunConfig& config, const std::string& port);  // "80/tcp"
void add_volume(image::RunConfig& config, const std::string& path);
void set_healthcheck(image::RunConfig& config, const dockerfile::Healthcheck& healthcheck);

// WORKDIR: relative to the one before, clean.
std::string resolve_directory(const image::RunConfig& config, std::string_view path);

}  // namespace bld::builder
