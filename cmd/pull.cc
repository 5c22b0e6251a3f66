// bld pull
#include <unistd.h>

#include "builder/base_images.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/options.h"
#include "cmd/renderer.h"

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
    flags.refuse({"all-tags,a"});
    flags.accept("remove-signatures", "", "the store keeps no signatures");
    connection_.declare(flags);
    platform_.declare(flags);
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    expect_arguments(arguments, 1, 1, "an image name must be specified");
    const builder::ImageLookup lookup{platform_.platform().value_or(image::Platform::host()),
                                      policy_, connection_.options()};
    Streams streams(STDOUT_FILENO, STDERR_FILENO);
    const auto renderer = make_renderer(choose_progress("", quiet_), streams);
    try {
      const std::string id = builder::resolve_base_image(arguments[0], lookup, app.store(),
                                                         *renderer, app.stop_token())
                                 .image_id;
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
  bool quiet_ = false;
  PullPolicy policy_ = PullPolicy::kMissing;
  ConnectionFlags connection_;
  PlatformFlags platform_;
};

}  // namespace

std::unique_ptr<Command> make_pull() { return std::make_unique<Pull>(); }

}  // namespace bld::cmd
