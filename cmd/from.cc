// bld from
#include <unistd.h>

#include "base/error.h"
#include "base/file_io.h"
#include "builder/working_container.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/image_flags.h"
#include "cmd/options.h"
#include "cmd/renderer.h"
#include "cmd/run_flags.h"

namespace bld::cmd {

namespace {

class From : public Command {
 public:
  void declare(FlagSet& flags) override {
    flags.add_text("name", "NAME", options_.name, "name of the container");
    flags.add_text("cidfile", "FILE", id_file_, "write the container's ID to a file");
    flags.add_bool("quiet,q", quiet_, "show no progress");
    connection_.declare(flags);
    platform_.declare(flags);
    pull_.declare(flags);
    flags.add_text("suffix", "SUFFIX", options_.suffix,
                   "end of the container's name (default working-container)");
    flags.add_text(
        "format,f", "oci|docker", format_,
        "format that the container is for: what `config` warns of; `commit` has its own");
    run_.declare(flags);
  }

  int run(App& app, const FlagSet& flags, const std::vector<std::string>& arguments) override {
    refuse_flags_after_first(arguments);
    expect_arguments(arguments, 1, 1, "an image name (or \"scratch\") must be specified");
    options_.image = arguments[0];
    options_.platform = platform_.platform();
    options_.pull = pull_.policy();
    options_.connection = connection_.options();
    options_.run_flags = run_.words(flags);
    options_.format = image_format(format_);
    Streams streams(STDOUT_FILENO, STDERR_FILENO);
    const auto renderer = make_renderer(choose_progress("", quiet_), streams);
    try {
      const builder::WorkingContainer container = builder::make_container(
          options_, {app.store(), app.containers(), app.roots(), *renderer}, app.stop_token());
      renderer->finish(Renderer::End::kSuccess);
      if (!id_file_.empty()) base::write_file_atomically(id_file_, container.record.id, 0644);
      streams.out(container.record.name + "\n");
    } catch (...) {
      renderer->finish(Renderer::End::kFailure);
      throw;
    }
    streams.check();
    return 0;
  }

 private:
  builder::FromOptions options_;
  std::string id_file_, format_;
  bool quiet_ = false;
  ConnectionFlags connection_;
  PlatformFlags platform_;
  PullFlags pull_;
  RunFlags run_;  // for the commands that will be run
};

}  // namespace

std::unique_ptr<Command> make_from() { return std::make_unique<From>(); }

}  // namespace bld::cmd
