// What a value of a flag of `bld config` does to an image's configuration: most add something, and
// with a '-' at their end take it away again.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "image/image_config.h"

namespace bld::cmd {

// "-" empties the list, "VALUE-" removes one, everything else is added once. The list is sorted.
void edit_list(std::vector<std::string>& list, const std::string& text);

// KEY=VALUE, KEY alone for an empty value; "-" empties the map, "KEY-" removes one.
void edit_map(std::map<std::string, std::string>& map, const std::string& text);

// NAME=VALUE, in which $X and ${X} are what `env` has already (a warning and the name X where it
// has no such variable); NAME alone takes the value of our own environment. What is set comes last.
void edit_env(std::vector<std::string>& env, const std::string& text);

// "80", "80/tcp", "53/UDP"; kept as written, as Buildah keeps it.
void edit_ports(std::vector<std::string>& ports, const std::string& text);

// A JSON array, or words as a shell splits them; nothing: no command.
void set_cmd(image::RunConfig& config, const std::string& text);

// A JSON array, or text for /bin/sh -c; nothing: no entry point.
void set_entrypoint(image::RunConfig& config, const std::string& text);

// An instruction for ONBUILD; "-" removes all.
void edit_triggers(std::vector<std::string>& triggers, const std::string& text);

}  // namespace bld::cmd
