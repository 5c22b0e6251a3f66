#include "cmd/usage.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "builder/version.h"

namespace bld::cmd {

std::string version_line() {
  return fmt::format("bld version {} (image-spec 1.1.1, runtime-spec 1.2.1)\n", builder::kVersion);
}

std::string usage(const std::string& global_flags) {
  std::string text =
      "Builds OCI images from Containerfiles, without a daemon and without root.\n\n"
      "Usage:\n  bld [global flags] COMMAND [flags] [arguments]\n\nCommands:\n";
  for (const CommandEntry& entry : commands()) {
    if (entry.summary.empty()) continue;
    text += fmt::format("  {:<12} {}\n", entry.names.front(), entry.summary);
  }
  return text + "\nGlobal flags:\n" + global_flags +
         "\n\"bld COMMAND --help\" shows the flags of a command.\n";
}

std::string usage_of(const CommandEntry& entry, const FlagSet& flags) {
  std::string text = fmt::format("{}\n\nUsage:\n  bld {} [flags]", entry.summary, entry.names[0]);
  if (!entry.arguments.empty()) text += " " + entry.arguments;
  text += "\n";
  if (entry.names.size() > 1) {
    text += fmt::format("\nAliases:\n  {}\n", base::join(entry.names, ", "));
  }
  return text + "\nFlags:\n" + flags.usage();
}

void expect_arguments(const std::vector<std::string>& arguments, int fewest, int most,
                      std::string_view missing) {
  const int count = static_cast<int>(arguments.size());
  if (count < fewest) throw base::Error("{}", missing);
  if (most >= 0 && count > most) {
    throw base::Error("too many arguments: \"{}\"", arguments[static_cast<std::size_t>(most)]);
  }
}

void refuse_flags_after_first(const std::vector<std::string>& arguments) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (!arguments[i].starts_with('-')) continue;
    throw base::Error("no options ({}) can be specified after the image or container name",
                      arguments[i]);
  }
}

}  // namespace bld::cmd
