// bld rm
#include <optional>

#include "base/error.h"
#include "builder/mount_container.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

namespace {

class Rm : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_bool("all,a", all_, "remove all working containers");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    if (all_ && !arguments.empty()) {
      throw base::Error(
          "when using the --all switch, you may not pass any containers names or IDs");
    }
    if (!all_) expect_arguments(arguments, 1, -1, "container ID must be specified");
    std::vector<std::string> wanted = arguments;
    if (all_) {
      for (const auto& container : app.store().containers()) wanted.push_back(container.id);
    }
    std::optional<base::Error> failure;
    for (const std::string& name : wanted) {
      try {
        remove(app.store(), name);
      } catch (base::Error& error) {
        error.add_context(fmt::format("removing container \"{}\"", name));
        if (failure) {
          failure->add_more(error);
        } else {
          failure = error;
        }
      }
    }
    if (failure) throw *failure;
    return 0;
  }

 private:
  static void remove(store::Store& store, const std::string& name) {
    const auto found = store.find_container(name);
    if (!found) throw base::Error("container not known");
    builder::unmount_container(builder::get_container(store, found->id), store);
    store.remove_container(found->id);
    print(found->id + "\n");
  }

  bool all_ = false;
};

}  // namespace

std::unique_ptr<Command> make_rm() { return std::make_unique<Rm>(); }

}  // namespace bld::cmd
