// bld build
#include "builder/build.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "builder/export.h"
#include "builder/platforms.h"
#include "cmd/all_commands.h"
#include "cmd/app.h"
#include "cmd/build_call.h"
#include "cmd/build_flags.h"
#include "cmd/build_list.h"
#include "cmd/build_metadata.h"
#include "cmd/render_steps.h"
#include "cmd/renderer.h"
#include "cmd/settings.h"
#include "cmd/standard_streams.h"

namespace bld::cmd {

namespace {

using builder::BuildRequest;
using builder::BuildResult;

// The files into which builds write what they tell. A build for several platforms writes to one
// file more than once: only the first time it is emptied.
class LogFiles {
 public:
  base::UniqueFd open(const std::string& path) {
    if (path.empty()) return {};
    const int mode = opened_.insert(path).second ? O_TRUNC : O_APPEND;
    base::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | mode, 0600));
    if (!file) throw base::Error::sys("open", path);
    return file;
  }

 private:
  std::set<std::string> opened_;
};

bool goes_to_standard_output(const BuildRequest& request) {
  return std::any_of(request.outputs.begin(), request.outputs.end(),
                     [](const builder::Output& output) { return output.to_standard_output(); });
}

// Where one build tells what it does.
class Told {
 public:
  Told(const OutputFlags& flags, const BuildRequest& request, LogFiles& files)
      : log_(files.open(flags.log_path(request))),
        usage_log_(files.open(flags.usage_log_file)),
        streams(out_of(request), log_ ? log_.get() : STDERR_FILENO),
        progress(choose_progress(flags.progress, flags.quiet)) {
    const bool needs_lines = log_ || flags.log_usage;
    if (needs_lines && progress == Progress::kTty) progress = Progress::kSteps;
    renderer = progress == Progress::kSteps ? step_lines(flags, request)
                                            : make_renderer(progress, streams);
  }

  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;

 private:
  int out_of(const BuildRequest& request) const {
    if (log_) return log_.get();
    return goes_to_standard_output(request) ? STDERR_FILENO : STDOUT_FILENO;
  }

  std::unique_ptr<Renderer> step_lines(const OutputFlags& flags, const BuildRequest& request) {
    StepLines lines{.results = request.layers};
    if (flags.log_usage) {
      lines.usage = [this](std::string_view line) {
        if (!usage_log_) return streams.out(line);
        Streams(usage_log_.get(), STDERR_FILENO).out(line);
      };
    }
    return std::make_unique<StepsRenderer>(streams, std::move(lines));
  }

  base::UniqueFd log_, usage_log_;

 public:
  Streams streams;
  Progress progress;
  std::unique_ptr<Renderer> renderer;
};

class Build : public Command {
 public:
  void declare(FlagSet& flags) override { flags_.declare(flags); }

  int run(App& app, const FlagSet&, const std::vector<std::string>& arguments) override {
    BuildRequest request = flags_.request(arguments);
    if (flags_.check.call != BuildCall::kBuild) return answer_call(flags_.check, request, app);
    const Settings settings = read_settings();
    const std::string& list = flags_.output.manifest;
    if (!list.empty()) check_list_name(app.store(), list);
    // Whoever is root keeps whose the files are; another's subordinate ids are of no use to him.
    if (app.isolation().original_uid == 0) {
      for (auto& output : request.outputs) output.owners = builder::FileOwners::kOfImage;
    }
    const std::vector<image::Platform> platforms = platforms_for(app, request);
    if (platforms.size() > 1) {
      build_several(app, request, platforms);
    } else {
      if (!platforms.empty()) request.platform = platforms.front();
      build_single(app, request);
    }
    if (settings.store_limit_bytes) {
      app.store().evict_cache({.unused_since = {}, .keep_bytes = settings.store_limit_bytes});
    }
    return 0;
  }

 private:
  static builder::Services services(App& app, base::EventSink& events) {
    return {app.store(), app.containers(), app.roots(), events};
  }

  // Empty: this machine's.
  std::vector<image::Platform> platforms_for(App& app, const BuildRequest& request) {
    if (!flags_.all_platforms()) return flags_.platforms();
    if (request.reads_standard_input()) {
      throw base::Error("--all-platforms: standard input can be read for one platform only");
    }
    Told told(flags_.output, request, logs_);
    auto platforms =
        builder::base_platforms(request, services(app, *told.renderer), app.stop_token());
    told.renderer->finish(Renderer::End::kSuccess);
    return platforms;
  }

  void build_single(App& app, const BuildRequest& request) {
    Told told(flags_.output, request, logs_);
    const BuildResult result = build_one(app, request, told);
    const OutputFlags& output = flags_.output;
    if (!output.manifest.empty()) add_to_list(app.store(), output.manifest, {result});
    if (!output.metadata_file.empty()) {
      base::write_file_atomically(output.metadata_file,
                                  build_metadata(request.tags, result.manifest, result.image_id),
                                  0644);
    }
    tell_id(std::string(result.image_id.hex()), told.streams);
  }

  void build_several(App& app, const BuildRequest& asked,
                     const std::vector<image::Platform>& platforms) {
    check_several(asked);
    std::vector<BuildResult> results;
    image::Index index;
    for (const image::Platform& platform : platforms) {
      const BuildRequest request = builder::for_platform(asked, platform);
      Told told(flags_.output, request, logs_);
      results.push_back(build_one(app, request, told));
      builder::put_image(index, results.back(), app.store());
    }
    const OutputFlags& output = flags_.output;
    std::string id;
    if (!output.manifest.empty()) id = add_to_list(app.store(), output.manifest, results);
    const std::string tagged = name_lists(app.store(), asked.tags, index);
    if (id.empty()) id = tagged;
    Told told(flags_.output, asked, logs_);
    const auto pushed =
        builder::export_index(index, asked, services(app, *told.renderer), app.stop_token());
    told.renderer->finish(Renderer::End::kSuccess);
    if (told.progress == Progress::kSteps) tell_tags(asked, told.streams);
    if (!output.metadata_file.empty()) {
      base::write_file_atomically(
          output.metadata_file,
          build_metadata(asked.tags, pushed ? *pushed : index.descriptor(), std::nullopt), 0644);
    }
    if (!id.empty()) return tell_id(id, told.streams);
    for (const BuildResult& result : results) {
      tell_id(std::string(result.image_id.hex()), told.streams);
    }
  }

  void check_several(const BuildRequest& asked) const {
    builder::check_index_outputs(asked);
    if (asked.pass_stdin || asked.reads_standard_input()) {
      throw base::Error("standard input can be read for one platform only");
    }
    const OutputFlags& output = flags_.output;
    const bool wants_file = !output.iid_file.empty() || !output.raw_iid_file.empty();
    if (wants_file && output.manifest.empty() && asked.tags.empty()) {
      throw base::Error("--iidfile: the images of several platforms have one ID as a list only")
          .hint("give it a name: --tag NAME or --manifest NAME");
    }
  }

  BuildResult build_one(App& app, const BuildRequest& request, Told& told) {
    try {
      BuildResult result = builder::build(request, services(app, *told.renderer), app.stop_token());
      told.renderer->finish(Renderer::End::kSuccess);
      if (told.progress == Progress::kSteps) report(request, result, told.streams);
      return result;
    } catch (...) {
      told.renderer->finish(Renderer::End::kFailure);
      throw;
    }
  }

  void report(const BuildRequest& request, const BuildResult& result, Streams& streams) const {
    std::string title;
    if (request.is_one_of_several) title = fmt::format("[{}] ", request.platform->str());
    if (result.stage_count > 1) title += fmt::format("[{0}/{0}] ", result.stage_count);
    const auto& tags = flags_.tags();
    streams.out(tags.empty() ? title + "COMMIT\n" : fmt::format("{}COMMIT {}\n", title, tags[0]));
    streams.out(fmt::format("--> {}\n", result.image_id.hex().substr(0, 12)));
    if (!result.unused_build_args.empty()) {
      streams.out(fmt::format("[Warning] one or more build args were not consumed: [{}]\n",
                              base::join(result.unused_build_args, " ")));
    }
    tell_tags(request, streams);
  }

  static void tell_tags(const BuildRequest& request, Streams& streams) {
    for (const auto& tag : request.tags) {
      streams.out(fmt::format("Successfully tagged {}\n", tag.str()));
    }
  }

  // Of the image, or of the list of several.
  void tell_id(const std::string& id, Streams& streams) const {
    const OutputFlags& output = flags_.output;
    if (!output.raw_iid_file.empty()) base::write_file_atomically(output.raw_iid_file, id, 0644);
    if (!output.iid_file.empty()) {
      base::write_file_atomically(output.iid_file, "sha256:" + id, 0644);
    }
    if (output.iid_file.empty() && output.raw_iid_file.empty()) streams.out(id + "\n");
    streams.check();
  }

  BuildFlags flags_;
  LogFiles logs_;
};

}  // namespace

std::unique_ptr<Command> make_build() { return std::make_unique<Build>(); }

}  // namespace bld::cmd
