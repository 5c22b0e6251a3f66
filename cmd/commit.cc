// bld commit
#include <unistd.h>

#include "base/error.h"
#include "base/file_io.h"
#include "builder/commit_container.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/image_flags.h"
#include "cmd/options.h"
#include "cmd/renderer.h"
#include "cmd/standard_streams.h"
#include "registry/copy_image.h"

namespace bld::cmd {

namespace {

class Commit : public Command {
 public:
  void declare(FlagSet& flags) override {
    image_.declare(flags);
    flags.add_list("change,c", "INSTRUCTION", options_.changes,
                   "change the image's configuration: CMD, ENV, LABEL…");
    flags.add_text("iidfile", "FILE", iid_file_, "write the image's ID to a file");
    flags.add_bool("rm", remove_, "remove the container afterwards");
    flags.add_bool("quiet,q", quiet_, "show no progress");
    connection_.declare(flags);
    flags.refuse({"config", "add-file", "manifest", "encryption-key", "encrypt-layer", "pull",
                  "reference-time", "blob-cache"});
  }

  int run(App& app, const FlagSet& flags, const std::vector<std::string>& arguments) override {
    refuse_flags_after_first(arguments);
    expect_arguments(arguments, 1, 2, "container ID must be specified");
    if (flags.given("layers")) throw base::Error("--layers: a commit makes one layer");
    const std::optional<registry::Location> to = take_destination(arguments);
    image_.apply(options_.image);
    const builder::BuildResult result =
        builder::commit_container(arguments[0], options_, app.store());
    const std::string id(result.image_id.hex());
    if (to) push(app, id, *to);
    if (!iid_file_.empty()) {
      base::write_file_atomically(iid_file_, result.image_id.str(), 0644);
    }
    if (remove_) remove_container(app.store(), arguments[0]);
    if (iid_file_.empty()) print(id + "\n");
    return 0;
  }

 private:
  // A name goes to the store, a transport is pushed to.
  std::optional<registry::Location> take_destination(const std::vector<std::string>& arguments) {
    if (arguments.size() < 2) return std::nullopt;
    auto location = registry::parse_location(arguments[1]);
    if (!location) {
      options_.image.tags.push_back(image::Reference::parse_local(arguments[1]).with_default_tag());
    }
    return location;
  }

  void push(App& app, const std::string& id, const registry::Location& to) const {
    Streams streams(STDOUT_FILENO, STDERR_FILENO);
    const auto renderer = make_renderer(choose_progress("", quiet_), streams);
    registry::PushOptions options;
    options.connection = connection_.options();
    try {
      registry::push(app.store(), app.store().get_image(id), to, options, *renderer,
                     app.stop_token());
    } catch (...) {
      renderer->finish(Renderer::End::kFailure);
      throw;
    }
    renderer->finish(Renderer::End::kSuccess);
  }

  static void remove_container(store::Store& store, const std::string& name) {
    const auto container = store.find_container(name);
    if (!container) return;
    const auto lock = store.lock_container(container->id);
    store.remove_container(container->id);
  }

  ImageFlags image_;
  ConnectionFlags connection_;
  builder::CommitOptions options_;
  std::string iid_file_;
  bool remove_ = false, quiet_ = false;
};

}  // namespace

std::unique_ptr<Command> make_commit() { return std::make_unique<Commit>(); }

}  // namespace bld::cmd
