#include "cmd/subcommands.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

namespace {

using Subcommands = std::span<const SubcommandEntry>;

std::string overview(std::string_view command, Subcommands entries) {
  std::string text = fmt::format("Usage:\n  bld {} SUBCOMMAND\n\nSubcommands:\n", command);
  for (const SubcommandEntry& entry : entries) {
    text += fmt::format("  {:<9} {:<20} {}\n", entry.name, entry.arguments, entry.summary);
  }
  return text;
}

base::Error unknown(std::string_view command, Subcommands entries, const std::string& name) {
  base::Error error("unknown command \"{}\" for \"bld {}\"", base::printable(name), command);
  std::vector<std::string_view> known;
  for (const SubcommandEntry& entry : entries) known.push_back(entry.name);
  if (const auto meant = base::nearest(name, known)) {
    error.hint(fmt::format("did you mean {}?", *meant));
  }
  return error;
}

}  // namespace

int run_subcommand(App& app, std::string_view command, Subcommands entries,
                   const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    print(overview(command, entries));
    return 0;
  }
  const auto entry = std::find_if(entries.begin(), entries.end(), [&](const SubcommandEntry& e) {
    return e.name == arguments.front();
  });
  if (entry == entries.end()) throw unknown(command, entries, arguments.front());
  const std::unique_ptr<Command> made = entry->make();
  FlagSet flags;
  bool help = false;
  flags.add_bool("help,h", help, "show this text");
  made->declare(flags);
  const auto rest = flags.parse(std::span(arguments).subspan(1), FlagPlacement::kAnywhere);
  if (help) {
    print(fmt::format("{}\n\nUsage:\n  bld {} {} [flags] {}\n\nFlags:\n{}", entry->summary, command,
                      entry->name, entry->arguments, flags.usage()));
    return 0;
  }
  return made->run(app, flags, rest);
}

}  // namespace bld::cmd
