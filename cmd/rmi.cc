// bld rmi
#include <fmt/format.h>

#include <optional>

#include "base/error.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/image_use.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

namespace {

using Force = store::Store::Force;

class Rmi : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_bool("all,a", all_, "remove all images");
    flags.add_bool("prune,p", prune_, "remove images without a name");
    flags.add_bool("force,f", force_, "also images with several names, or used by containers");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    check(arguments);
    std::vector<std::string> wanted = arguments;
    if (all_ || prune_) {
      const auto in_lists = manifests_in_lists(app.store());
      for (const store::ImageRecord& image : app.store().images()) {
        const bool is_dangling = image.names.empty() && !in_lists.contains(image.manifest_digest);
        if (all_ || is_dangling) wanted.push_back(image.exact_name());
      }
    }
    if (all_) {
      for (const store::ManifestList& list : app.store().lists()) wanted.push_back(list.id);
    }
    // All that can be removed is; what cannot is told at the end, in one error.
    std::optional<base::Error> failure;
    for (const std::string& image : wanted) {
      try {
        remove(app.store(), image);
      } catch (const base::Error& error) {
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
  void check(const std::vector<std::string>& arguments) const {
    if (all_ && prune_) throw base::Error("when using the --all switch, you may not use --prune");
    if ((all_ || prune_) && !arguments.empty()) {
      throw base::Error("when using the --{} switch, you may not pass any images names or IDs",
                        all_ ? "all" : "prune");
    }
    if (!all_ && !prune_) expect_arguments(arguments, 1, -1, "image name or ID must be specified");
  }

  void remove(store::Store& store, const std::string& image) {
    bool force = force_;
    if (all_ && !force) {
      // Images of several names go, too; but no containers.
      const auto record = store.find_image(image);
      if (!record && !store.find_list(image)) return;
      force = record && !is_used_by_container(store, *record);
    }
    if (const auto list = store.find_list(image)) {
      store.remove_list(list->id);
      print(fmt::format("untagged: {}\n{}\n", list->name, list->id));
      return;
    }
    const auto removed = store.remove_image(image, force ? Force::kYes : Force::kNo);
    for (const std::string& name : removed.untagged) print(fmt::format("untagged: {}\n", name));
    for (const std::string& id : removed.removed_ids) print(id + "\n");
  }

  bool all_ = false, prune_ = false, force_ = false;
};

}  // namespace

std::unique_ptr<Command> make_rmi() { return std::make_unique<Rmi>(); }

}  // namespace bld::cmd
