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
#include "cmd/build_call.h"
#include "cmd/build_flags.h"
#include "cmd/build_list.h"
#include "cmd/build_metadata.h"
#include "cmd/renderer.h"
#include "cmd/settings.h"
#include "cmd/standard_streams.h"

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
    std::vector<builder::BuildResult> results;
    const std::vector<builder::BuildRequest> requests = flags_.requests(arguments);
    if (flags_.check.call != BuildCall::kBuild) {
      return answer_call(flags_.check, requests.front(), app);
    }
    const Settings settings = read_settings();
    for (const builder::BuildRequest& request : requests) {
      results.push_back(build_one(app, request, requests.size() > 1));
    }
    if (settings.store_limit_bytes) {
      app.store().evict_cache({.unused_since = {}, .keep_bytes = settings.store_limit_bytes});
    }
    const OutputFlags& output = flags_.output;
    if (output.manifest.empty()) return 0;
    const std::string list = add_to_list(app.store(), output.manifest, results);
    if (requests.size() > 1) tell_id(list, [](const std::string& text) { print(text); });
    return 0;
  }

 private:
  builder::BuildResult build_one(App& app, builder::BuildRequest request, bool is_one_of_several) {
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
      builder::BuildResult result = builder::build(
          request, {app.store(), app.containers(), app.roots(), *renderer}, app.stop_token());
      renderer->finish(Renderer::End::kSuccess);
      report(request, result, progress, streams);
      if (!is_one_of_several) {
        write_metadata(request, result);
        tell_id(std::string(result.image_id.hex()),
                [&](const std::string& text) { streams.out(text); });
        streams.check();
      }
      return result;
    } catch (...) {
      renderer->finish(Renderer::End::kFailure);
      throw;
    }
  }

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
  }

  void write_metadata(const builder::BuildRequest& request,
                      const builder::BuildResult& result) const {
    const std::string& file = flags_.output.metadata_file;
    if (!file.empty()) base::write_file_atomically(file, build_metadata(request, result), 0644);
  }

  // Of the image, or of the list of several.
  template <typename Print>
  void tell_id(const std::string& id, Print print_text) const {
    const OutputFlags& output = flags_.output;
    if (!output.raw_iid_file.empty()) base::write_file_atomically(output.raw_iid_file, id, 0644);
    if (!output.iid_file.empty()) {
      base::write_file_atomically(output.iid_file, "sha256:" + id, 0644);
    }
    if (output.iid_file.empty() && output.raw_iid_file.empty()) print_text(id + "\n");
  }

  BuildFlags flags_;
};

}  // namespace

std::unique_ptr<Command> make_build() { return std::make_unique<Build>(); }

}  // namespace bld::cmd
