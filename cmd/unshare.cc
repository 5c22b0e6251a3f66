// bld unshare
#include <cstdlib>

#include "base/error.h"
#include "cmd/all_commands.h"
#include "runtime/isolation.h"

namespace bld::cmd {

namespace {

class Unshare : public Command {
 public:
  void declare(FlagSet& flags) override { flags.refuse({"mount,m"}); }

  int run(App&, const FlagSet&, const std::vector<std::string>& arguments) override {
    std::vector<std::string> words = arguments;
    if (words.empty()) {
      const char* shell = std::getenv("SHELL");
      words = {shell != nullptr && shell[0] == '/' ? shell : "/bin/sh"};
    }
    runtime::enter_namespaces();
    runtime::exec_in_namespaces(words);
  }
};

}  // namespace

std::unique_ptr<Command> make_unshare() { return std::make_unique<Unshare>(); }

}  // namespace bld::cmd
