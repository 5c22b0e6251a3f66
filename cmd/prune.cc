// bld prune
#include <fmt/format.h>

#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/human.h"
#include "cmd/image_use.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

namespace {

// Removes images without a name, with -a all that no working container uses, and then everything
// that nothing reaches.
class Prune : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_bool("all,a", all_, "all images that no container uses, not only unnamed ones");
    flags.add_bool("force,f", force_, "also images that containers use, with the containers");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 0, 0, "");
    store::Store& store = app.store();
    for (const store::ImageRecord& image : store.images()) {
      if (!all_ && !image.names.empty()) continue;
      if (!force_ && is_used_by_container(store, image)) continue;
      const auto removed = store.remove_image(image.id(), store::Store::Force::kYes);
      for (const std::string& id : removed.removed_ids) print(id + "\n");
    }
    const store::GcResult freed = store.gc();
    print_error(fmt::format("Reclaimed {}\n", size_text(freed.freed_bytes)));
    return 0;
  }

 private:
  bool all_ = false, force_ = false;
};

}  // namespace

std::unique_ptr<Command> make_prune() { return std::make_unique<Prune>(); }

}  // namespace bld::cmd
