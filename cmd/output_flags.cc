#include "cmd/output_flags.h"

namespace bld::cmd {

void OutputFlags::declare(FlagSet& flags) {
  flags.add_text("iidfile", "FILE", iid_file, "write the image's ID to a file");
  flags.add_bool("quiet,q", quiet, "print the image's ID only");
  flags.add(
      "progress", "KIND", [this](std::string text) { progress = std::move(text); },
      "auto, tty, plain, rawjson or quiet");
  flags.add_text("logfile", "FILE", log_file, "write output to this file");
}

}  // namespace bld::cmd
