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
    if (arguments.size() != 2) {
      throw base::Error("accepts 2 arg(s), received {}", arguments.size());
    }
    const auto other = app.store().find_container(arguments[1]);
    const bool is_taken = other && (other->name == arguments[1] || other->id == arguments[1]);
    if (is_taken && other->id != builder::get_container(app.store(), arguments[0]).record.id) {
      throw base::Error("The container name \"{}\" is already in use by container \"{}\"",
                        other->name, other->id);
    }
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
