#include "builder/build.h"

#include <map>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "builder/assemble.h"
#include "builder/base_images.h"
#include "builder/check.h"
#include "builder/containerfile.h"
#include "builder/context.h"
#include "builder/execute.h"
#include "builder/export.h"
#include "builder/local_context.h"
#include "builder/named_contexts.h"
#include "builder/plan.h"
#include "builder/single_layer.h"
#include "builder/time_rule.h"
#include "builder/variables.h"
#include "dockerfile/parser.h"

namespace bld::builder {

namespace {

// The plan, and what lint finds on the way: as warnings, or as an Error if the file wants it.
Plan make_plan(const BuildRequest& request, const dockerfile::SourceText& source,
               const NamedContexts& named, const dockerfile::IgnoreFile& ignore,
               const Services& services, const std::stop_token& stop) {
  const dockerfile::Containerfile file = dockerfile::parse(source);
  std::map<std::pair<std::string, std::string>, BaseImage> bases;
  const image::Platform host = image::Platform::host();
  Plan made = plan({.source = source,
                    .file = file,
                    .request = request,
                    .build_platform = host,
                    .target_platform = request.platform.value_or(host),
                    .resolve_base =
                        [&](const std::string& name, const image::Platform& platform, BaseUse use) {
                          BaseImage image = resolve_base_image(
                              name, {platform, request.pull, request.connection, use},
                              services.store, services.events, stop);
                          bases.emplace(std::pair(name, platform.str()), image);
                          return image;
                        },
                    .image_contexts = named.images,
                    .directory_contexts = named.directory_names(),
                    .environment = environment_variable});
  check_in_build({.request = request,
                  .source = source,
                  .file = file,
                  .ignore = &ignore,
                  .rules = dockerfile::LintInput::Rules::kBuildkit,
                  .find_base =
                      [&](const std::string& name, const image::Platform& platform) {
                        const auto found = bases.find({name, platform.str()});
                        return found == bases.end() ? std::nullopt : std::optional(found->second);
                      }},
                 services.events);
  return made;
}

AssembledLayers layers_of(const Plan& plan, const std::vector<Snapshot>& results) {
  AssembledLayers assembled;
  assembled.layers = results.at(plan.result).diff_ids();
  for (const PlannedHistory& entry : plan.history) {
    bool made_layer = false;
    if (entry.step) {
      const Step& step = plan.graph.steps[*entry.step];
      made_layer =
          results[*entry.step].layers().size() > results[step.inputs.front()].layers().size();
    }
    assembled.made_layer.push_back(made_layer);
  }
  return assembled;
}

// The build argument SOURCE_DATE_EPOCH is the time of the image, unless another one is asked for.
BuildRequest with_epoch(BuildRequest request) {
  for (const BuildArgument& argument : request.build_args) {
    if (argument.name != "SOURCE_DATE_EPOCH" || request.timestamp || !argument.value) continue;
    const auto seconds = base::parse_unsigned(*argument.value);
    if (!seconds) {
      throw base::Error("SOURCE_DATE_EPOCH: \"{}\" is not a number of seconds",
                        base::printable(*argument.value));
    }
    request.timestamp = static_cast<std::int64_t>(*seconds);
  }
  return request;
}

}  // namespace

BuildResult build(const BuildRequest& asked, const Services& services, std::stop_token stop) {
  const BuildRequest request = with_epoch(asked);
  const ContextOptions options = context_options(request);
  const LocalContext context = bring_context(request.context, options, services.store, stop);
  const Containerfile file = read_containerfiles(request, context, services.store, stop);
  for (const base::Warning& warning : file.warnings) services.events.send(warning);
  const NamedContexts named =
      bring_named_contexts(request.named_contexts, options, services.store, stop);
  std::map<std::string, Context> contexts;
  contexts.emplace("", open_context(request, context, file));
  for (const auto& [name, directory] : named.directories) {
    contexts.emplace(name, Context::open(directory.directory, std::nullopt, {}));
  }
  const Plan plan =
      make_plan(request, file.source, named, contexts.at("").ignore(), services, stop);
  for (const base::Warning& warning : plan.warnings) services.events.send(warning);
  warn_of_limits(request.commands.confinement.limits, services.events);

  if (request.format == ImageFormat::kDocker && !request.annotations.empty()) {
    services.events.send(base::Warning{
        "--annotation has no effect: Docker's image format has no annotations, --format=oci has",
        std::nullopt});
  }

  FileDigests digests(services.store);
  SharedCache shared(request, services, stop);
  const std::vector<Snapshot> results =
      execute(plan, {request, services, contexts, digests, shared}, stop);
  AssembledLayers layers = layers_of(plan, results);
  if (request.squash || !request.layers) {
    const std::size_t kept = request.squash ? 0 : results[plan.target_base].layers().size();
    layers = as_single_layer(results[plan.result], kept, std::move(layers), time_rule(request),
                             services.store);
  }
  BuildResult result = assemble(plan, layers, request, services.store);
  result.stage_count = plan.stage_count;
  if (request.outputs.empty()) return result;
  store::ImageRecord image;
  image.manifest_digest = result.manifest.digest;
  image.config_digest = result.image_id;
  for (const image::Reference& tag : request.tags) image.names.push_back(tag.str());
  const auto pushed = export_image(image, request, services, stop);
  if (pushed) result.manifest = *pushed;
  return result;
}

}  // namespace bld::builder
