// bld push
#include "base/error.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/push_flags.h"
#include "image/manifest.h"
#include "registry/copy_image.h"

namespace bld::cmd {

namespace {

class Push : public Command {
 public:
  void declare(FlagSet& flags) override {
    push_.declare(flags);
    flags.accept("all", "", "of a manifest list all images are pushed anyway");
    flags.add_bool("rm", remove_, "remove the image or the list from the store afterwards");
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    if (arguments.size() > 2) {
      throw base::Error("Only two arguments are necessary to push: source and destination");
    }
    expect_arguments(arguments, 1, 2, "at least a source image ID must be specified");
    const std::string& name = arguments[0];
    store::Store& store = app.store();
    const std::string to = arguments.size() == 2 ? arguments[1] : "";
    const auto list = store.find_list(name);
    if (list) {
      push_list(app, *list, to);
    } else {
      push_image(app, store.get_image(name), name, to);
    }
    if (!remove_) return 0;
    if (list) {
      store.remove_list(list->id);
    } else {
      store.remove_image(name, store::Store::Force::kNo);
    }
    return 0;
  }

 private:
  void push_image(App& app, const store::ImageRecord& image, const std::string& name,
                  const std::string& to) {
    // By ID, an image has no place of its own.
    if (to.empty() && (image.names.empty() || image.id().starts_with(name))) {
      throw base::Error("{}: a destination is needed, the image is named by its ID", name);
    }
    const registry::Location place = location_of(to.empty() ? name : to);
    push_.run([&](const registry::PushOptions& options, base::EventSink& events) {
      return registry::push(app.store(), image, place, options, events, app.stop_token());
    });
  }

  void push_list(App& app, const store::ManifestList& list, const std::string& to) {
    const registry::Location place = location_of(to.empty() ? list.name : to);
    push_.run([&](const registry::PushOptions& options, base::EventSink& events) {
      return registry::push_index(app.store(), image::Index::parse(list.document), place, options,
                                  events, app.stop_token());
    });
  }

  PushFlags push_;
  bool remove_ = false;
};

}  // namespace

std::unique_ptr<Command> make_push() { return std::make_unique<Push>(); }

}  // namespace bld::cmd
