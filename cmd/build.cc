// bld build
#include "builder/build.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/build_flags.h"
#include "cmd/build_metadata.h"
#include "cmd/renderer.h"

namespace bld::cmd {

namespace {

base::UniqueFd open_log(const std::string& path) {
  base::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) throw base::Error::sys("open", path);
  return file;
}

class Build : public Command {
 public:
  void declare(FlagSet& flags) override { flags_.declare(flags); }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    builder::BuildRequest request = flags_.request(arguments);
    // Whoever is root keeps whose the files are; another's subordinate ids are of no use to him.
    if (app.isolation().original_uid == 0) {
      for (auto& output : request.outputs) output.owners = builder::FileOwners::kOfImage;
    }
    const bool stdout_is_output =
        std::any_of(request.outputs.begin(), request.outputs.end(),
                    [](const builder::Output& output) { return output.to_standard_output(); });
    const std::string log_path = flags_.output.log_path(request);
    const base::UniqueFd log = log_path.empty() ? base::UniqueFd() : open_log(log_path);
    const int err = log ? log.get() : STDERR_FILENO;
    Streams streams(log ? log.get() : stdout_is_output ? STDERR_FILENO : STDOUT_FILENO, err);
    Progress progress = choose_progress(flags_.output.progress, flags_.output.quiet);
    if (log && progress == Progress::kTty) progress = Progress::kSteps;
    const auto renderer = make_renderer(progress, streams);
    try {
      const builder::BuildResult result =
          builder::build(request, {app.store(), app.containers(), *renderer}, app.stop_token());
      renderer->finish(Renderer::End::kSuccess);
      report(request, result, progress, streams);
    } catch (...) {
      renderer->finish(Renderer::End::kFailure);
      throw;
    }
    return 0;
  }

 private:
  void report(const builder::BuildRequest& request, const builder::BuildResult& result,
              Progress progress, Streams& streams) const {
    const std::string id(result.image_id.hex());
    if (progress == Progress::kSteps) {
      if (!result.unused_build_args.empty()) {
        streams.out(fmt::format("[Warning] one or more build args were not consumed: [{}]\n",
                                base::join(result.unused_build_args, " ")));
      }
      streams.out(flags_.tags().empty() ? "COMMIT\n"
                                        : fmt::format("COMMIT {}\n", flags_.tags().front()));
      streams.out(fmt::format("--> {}\n", id.substr(0, 12)));
      for (const auto& tag : request.tags) {
        streams.out(fmt::format("Successfully tagged {}\n", tag.str()));
      }
    }
    const OutputFlags& output = flags_.output;
    if (!output.metadata_file.empty()) {
      base::write_file_atomically(output.metadata_file, build_metadata(request, result), 0644);
    }
    if (!output.raw_iid_file.empty()) base::write_file_atomically(output.raw_iid_file, id, 0644);
    if (!output.iid_file.empty()) {
      base::write_file_atomically(output.iid_file, "sha256:" + id, 0644);
    }
    if (output.iid_file.empty() && output.raw_iid_file.empty()) streams.out(id + "\n");
    streams.check();
  }

  BuildFlags flags_;
};

}  // namespace

std::unique_ptr<Command> make_build() { return std::make_unique<Build>(); }

}  // namespace bld::cmd
