// bld rename
#include "base/error.h"
#include "builder/working_container.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"

namespace bld::cmd {

namespace {

class Rename : public Command {
 public:
  void declare(FlagSet&) override {}

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 2, 2, "container name and new name must be specified");
    builder::edit_container(app.store(), arguments[0], [&](builder::WorkingContainer& container) {
      if (container.record.name == arguments[1]) {
        throw base::Error("renaming a container with the same name as its current name");
      }
      container.record.name = arguments[1];
    });
    return 0;
  }
};

}  // namespace

std::unique_ptr<Command> make_rename() { return std::make_unique<Rename>(); }

}  // namespace bld::cmd
