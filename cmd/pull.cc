// bld pull
#include <unistd.h>

#include <optional>

#include "base/error.h"
#include "builder/base_images.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/options.h"
#include "cmd/renderer.h"
#include "registry/copy_image.h"
#include "registry/list_tags.h"
#include "registry/registries_conf.h"

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
    flags.add_bool("all-tags,a", all_tags_, "pull all tags of the repository");
    flags.accept("remove-signatures", "", "the store keeps no signatures");
    connection_.declare(flags);
    platform_.declare(flags);
  }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    if (arguments.size() > 1) throw base::Error("too many arguments specified");
    expect_arguments(arguments, 1, 1, "an image name must be specified");
    const builder::ImageLookup lookup{platform_.platform().value_or(image::Platform::host()),
                                      policy_, connection_.options()};
    Streams streams(STDOUT_FILENO, STDERR_FILENO);
    const auto renderer = make_renderer(choose_progress("", quiet_), streams);
    std::string ids;
    try {
      if (all_tags_) {
        for (const auto& name : tagged_names(arguments[0], lookup.connection, app.stop_token())) {
          ids += pull_one(name, lookup, app, *renderer);
        }
      } else if (const auto archive = archive_of_several(arguments[0])) {
        ids = pull_archive(*archive, lookup, app, *renderer);
      } else {
        ids = pull_one(arguments[0], lookup, app, *renderer);
      }
      renderer->finish(Renderer::End::kSuccess);
      streams.out(ids);
    } catch (...) {
      renderer->finish(Renderer::End::kFailure);
      throw;
    }
    streams.check();
    return 0;
  }

 private:
  static std::string pull_one(const std::string& name, const builder::ImageLookup& lookup, App& app,
                              base::EventSink& events) {
    return builder::resolve_base_image(name, lookup, app.store(), events, app.stop_token())
               .image_id +
           "\n";
  }

  // Only there can be more than one image behind what is named.
  static std::optional<registry::Location> archive_of_several(const std::string& text) {
    auto location = registry::parse_location(text);
    const bool is_archive = location && location->kind == registry::TransportKind::kDockerArchive &&
                            location->reference.empty();
    if (!is_archive) location.reset();
    return location;
  }

  static std::string pull_archive(const registry::Location& from,
                                  const builder::ImageLookup& lookup, App& app,
                                  base::EventSink& events) {
    const registry::PullOptions options{lookup.connection, lookup.platform, {}};
    std::string ids;
    for (const auto& pulled :
         registry::pull_all(app.store(), from, options, events, app.stop_token())) {
      ids += pulled.record.id() + "\n";
    }
    return ids;
  }

  static std::vector<std::string> tagged_names(const std::string& text,
                                               const registry::ConnectionOptions& connection,
                                               const std::stop_token& stop) {
    const auto location = registry::parse_location(text);
    if (location && location->kind != registry::TransportKind::kDocker) {
      throw base::Error("Non-docker transport is not supported, for --all-tags pulling");
    }
    const auto named = location ? image::Reference::parse(location->reference)
                                : registry::RegistriesConf::load().candidates(text).front();
    const std::string repository = named.name();
    if (text.ends_with(":" + named.tag()) || named.digest()) {
      throw base::Error("tag can't be used with --all-tags");
    }
    std::vector<std::string> names;
    for (const std::string& tag :
         registry::list_tags(image::Reference::parse(repository), connection, stop)) {
      names.push_back("docker://" + repository + ":" + tag);
    }
    if (names.empty()) throw base::Error("{} has no tags", repository);
    return names;
  }

  bool quiet_ = false, all_tags_ = false;
  PullPolicy policy_ = PullPolicy::kMissing;
  ConnectionFlags connection_;
  PlatformFlags platform_;
};

}  // namespace

std::unique_ptr<Command> make_pull() { return std::make_unique<Pull>(); }

}  // namespace bld::cmd
