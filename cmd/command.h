// One command of bld: flags → request → one call → print.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cmd/flags.h"

namespace bld::cmd {

class App;

// What a command stands on; App::start makes it in this order.
enum class Needs {
  kNothing,
  kStore,       // reads or writes the database, as the user who called
  kNamespaces,  // also handles files of subordinate ids
  kContainers,  // also runs containers
};

class Command {
 public:
  virtual ~Command() = default;
  virtual void declare(FlagSet& flags) = 0;

  // After the flags were read: more than the entry says, where a flag asks for it.
  virtual Needs needs(Needs usual) const { return usual; }

  // Returns the exit status. Throws Error for everything that goes wrong.
  virtual int run(App& app, const FlagSet& flags, const std::vector<std::string>& arguments) = 0;
};

struct CommandEntry {
  std::vector<std::string> names;  // the first one is shown
  std::string arguments;           // "[CONTEXT]"
  std::string summary;             // empty: not listed
  Needs needs = Needs::kNothing;
  FlagPlacement placement = FlagPlacement::kAnywhere;
  std::unique_ptr<Command> (*make)() = nullptr;
};

// All commands, as the list of the usage shows them.
const std::vector<CommandEntry>& commands();

// Throws "at most N arguments…" or `missing`, the command's own words, where there are fewer;
// `most` < 0 is no limit.
void expect_arguments(const std::vector<std::string>& arguments, int fewest, int most,
                      std::string_view missing);

// Throws where one of the words that follow the container or image is a flag.
void refuse_flags_after_first(const std::vector<std::string>& arguments);

}  // namespace bld::cmd
