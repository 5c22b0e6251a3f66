// bld pull
#include <unistd.h>

#include "base/error.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/options.h"
#include "cmd/renderer.h"
#include "image/image_config.h"
#include "registry/copy_image.h"

namespace bld::cmd {

namespace {

using builder::PullPolicy;

class Pull : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_bool("quiet,q", quiet_, "print the image's ID only");
    flags.add(
        "policy", "POLICY", [this](const std::string& text) { policy_ = parse_pull_policy(text); },
        "always, missing (default), newer, never");
    flags.refuse({"all-tags,a", "remove-signatures"});
    connection_.declare(flags);
    platform_.declare(flags);
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 1, 1, "an image name must be specified");
    registry::PullOptions options;
    options.connection = connection_.options();
    options.platform = platform_.platform();
    Streams streams(STDOUT_FILENO, STDERR_FILENO);
    const auto renderer = make_renderer(choose_progress("", quiet_), streams);
    try {
      const std::string id = pull(app, arguments[0], options, *renderer);
      renderer->finish(Renderer::End::kSuccess);
      streams.out(id + "\n");
    } catch (...) {
      renderer->finish(Renderer::End::kFailure);
      throw;
    }
    streams.check();
    return 0;
  }

 private:
  std::string pull(App& app, const std::string& text, const registry::PullOptions& options,
                   base::EventSink& events) const {
    auto location = registry::parse_location(text);
    if (!location || location->kind == registry::TransportKind::kDocker) {
      const auto name =
          image::Reference::parse(location ? location->reference : text).with_default_tag();
      location = {.kind = registry::TransportKind::kDocker, .path = {}, .reference = name.str()};
      if (const auto here = find_here(app.store(), name, *location, options)) return *here;
    }
    events.send(base::Note{"Trying to pull " + location->str() + "..."});
    return registry::pull(app.store(), *location, options, events, app.stop_token()).id();
  }

  // The image of the store, if the policy is content with it.
  std::optional<std::string> find_here(store::Store& store, const image::Reference& name,
                                       const registry::Location& location,
                                       const registry::PullOptions& options) const {
    if (policy_ == PullPolicy::kAlways) return std::nullopt;
    auto image = store.find_image(name);
    if (image) {
      const auto offered = store.read_config(image->config_digest).platform;
      const auto wanted = options.platform.value_or(image::Platform::host());
      if (image::match(offered, wanted) == 0) image.reset();
    }
    if (policy_ == PullPolicy::kNever && !image) {
      throw base::Error("{}: image not known", name.str());
    }
    if (policy_ == PullPolicy::kNewer && image &&
        registry::resolve(location, options.connection, options.platform) !=
            image->manifest_digest) {
      image.reset();
    }
    if (!image) return std::nullopt;
    return image->id();
  }

  bool quiet_ = false;
  PullPolicy policy_ = PullPolicy::kMissing;
  ConnectionFlags connection_;
  PlatformFlags platform_;
};

}  // namespace

std::unique_ptr<Command> make_pull() { return std::make_unique<Pull>(); }

}  // namespace bld::cmd
