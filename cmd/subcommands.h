// Commands that are words behind a command: bld manifest create, bld source add.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/command.h"

namespace bld::cmd {

struct SubcommandEntry {
  std::string_view name, arguments, summary;
  std::unique_ptr<Command> (*make)();
};

template <typename Kind>
std::unique_ptr<Command> make_subcommand() {
  return std::make_unique<Kind>();
}

// What "bld COMMAND ARGUMENTS…" does; without arguments, the list of subcommands is shown.
int run_subcommand(App& app, std::string_view command, std::span<const SubcommandEntry> entries,
                   const std::vector<std::string>& arguments);

}  // namespace bld::cmd
