// bld commit
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_io.h"
#include "base/json.h"
#include "builder/commit_container.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/build_list.h"
#include "cmd/foreign_flags.h"
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
    image_.declare(flags, "format,f");
    flags.add_list("change,c", "INSTRUCTION", options_.changes,
                   "change the image's configuration: CMD, ENV, LABEL…");
    flags.add_text("iidfile", "FILE", iid_file_, "write the image's ID to a file");
    flags.add_bool("rm", remove_, "remove the container afterwards");
    flags.add_bool("quiet,q", quiet_, "show no progress");
    connection_.declare(flags);
    flags.add_text("manifest", "LIST", list_, "add the image to this manifest list");
    flags.add_text("config", "FILE", config_file_,
                   "merge a configuration in Docker's JSON into the image's");
    flags.add(
        "add-file", "SOURCE[:DESTINATION]",
        [this](const std::string& text) {
          const std::size_t colon = text.find(':');
          options_.files.push_back({text.substr(0, colon), colon == std::string::npos
                                                               ? std::string()
                                                               : text.substr(colon + 1)});
        },
        "add a file to the image, not to the container");
    flags.add_text("reference-time", "FILE", reference_file_, "");
    flags.add_optional(
        "disable-compression,D", "", "true",
        [this](const std::string& text) { compress_ = !parse_bool(text); },
        "do not compress layers that go to a directory (default true)");
    declare_commit_foreign_flags(flags);
  }

  int run(App& app, const FlagSet& flags, const std::vector<std::string>& arguments) override {
    refuse_flags_after_first(arguments);
    expect_arguments(arguments, 1, 2, "container ID must be specified");
    if (flags.given("layers")) throw base::Error("--layers: a commit makes one layer");
    const std::optional<registry::Location> to = take_destination(arguments);
    image_.apply(options_.image);
    const registry::ConnectionOptions connection = connection_.options();
    read_files();
    const builder::BuildResult result =
        builder::commit_container(arguments[0], options_, app.store(), app.roots());
    const std::string id(result.image_id.hex());
    if (to) push(app, id, *to, connection);
    if (!list_.empty()) add_to_list(app.store(), list_, {result});
    if (!iid_file_.empty()) {
      base::write_file_atomically(iid_file_, result.image_id.str(), 0644);
    }
    if (remove_) remove_container(app.store(), arguments[0]);
    if (iid_file_.empty()) print(id + "\n");
    return 0;
  }

 private:
  // The files that flags name.
  void read_files() {
    if (!config_file_.empty()) {
      const std::string text = base::read_file(config_file_, base::Json::kMaximumBytes);
      try {
        base::Json whole = base::Json::object();
        whole.add("config", base::Json::parse(text));
        options_.config = image::ImageConfig::parse(whole.str()).config;
      } catch (base::Error& error) {
        error.add_context("--config " + config_file_);
        throw;
      }
    }
    if (reference_file_.empty()) return;
    if (options_.image.timestamp) {
      throw base::Error("--reference-time and another time of the image are used together");
    }
    struct stat status = {};
    if (::stat(reference_file_.c_str(), &status) != 0) {
      throw base::Error::sys("stat", reference_file_);
    }
    options_.image.timestamp = status.st_mtim.tv_sec;
    options_.image.file_times = builder::FileTimes::kSet;
  }

  // A name goes to the store, a transport is pushed to.
  std::optional<registry::Location> take_destination(const std::vector<std::string>& arguments) {
    if (arguments.size() < 2) return std::nullopt;
    auto location = registry::parse_location(arguments[1]);
    if (!location) {
      options_.image.tags.push_back(image::Reference::parse_local(arguments[1]).with_default_tag());
    }
    return location;
  }

  void push(App& app, const std::string& id, const registry::Location& to,
            const registry::ConnectionOptions& connection) const {
    Streams streams(STDOUT_FILENO, STDERR_FILENO);
    const auto renderer = make_renderer(choose_progress("", quiet_), streams);
    registry::PushOptions options;
    options.connection = connection;
    // Registries and archives have a compression of their own.
    if (to.kind == registry::TransportKind::kDirectory && !compress_) {
      options.compression = layers::Compression::kNone;
    }
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
  std::string iid_file_, list_, config_file_, reference_file_;
  bool remove_ = false, quiet_ = false, compress_ = false;
};

}  // namespace

std::unique_ptr<Command> make_commit() { return std::make_unique<Commit>(); }

}  // namespace bld::cmd
