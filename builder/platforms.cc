#include "builder/platforms.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "builder/base_images.h"
#include "builder/containerfile.h"
#include "builder/named_contexts.h"
#include "builder/plan.h"
#include "builder/variables.h"
#include "dockerfile/parser.h"
#include "registry/copy_image.h"
#include "registry/registries_conf.h"

namespace bld::builder {

namespace {

using image::Platform;

// Stands for the target's platform in a plan that is made only to see who asks for it.
constexpr const char* kAnyArchitecture = "any";

// The images that a build for any platform stands on, and copies from.
std::set<std::string> images_of_target(const BuildRequest& request, const Services& services,
                                       const std::stop_token& stop) {
  const ContextOptions options = context_options(request);
  const LocalContext context = bring_context(request.context, options, services.store, stop);
  const Containerfile file = read_containerfiles(request, context, services.store, stop);
  const NamedContexts named =
      bring_named_contexts(request.named_contexts, options, services.store, stop);
  Platform any = Platform::host();
  any.architecture = kAnyArchitecture;
  any.variant.clear();
  std::set<std::string> names;
  (void)plan({.source = file.source,
              .file = dockerfile::parse(file.source),
              .request = request,
              .build_platform = Platform::host(),
              .target_platform = any,
              .resolve_base =
                  [&](const std::string& name, const Platform& platform, BaseUse /*use*/) {
                    if (platform.architecture == kAnyArchitecture) names.insert(name);
                    BaseImage image;
                    image.config.platform = platform;
                    return image;
                  },
              .image_contexts = named.images,
              .directory_contexts = named.directory_names(),
              .environment = environment_variable});
  return names;
}

std::vector<Platform> platforms_of(const std::vector<image::Descriptor>& entries) {
  std::vector<Platform> platforms;
  for (const image::Descriptor& entry : entries) {
    // Attestations are of no platform.
    if (entry.platform && entry.platform->os != "unknown") platforms.push_back(*entry.platform);
  }
  return platforms;
}

// A list that is here, else one in a registry, else what the image itself is for.
std::vector<Platform> platforms_of_image(const std::string& name, const BuildRequest& request,
                                         const Services& services, const std::stop_token& stop) {
  store::Store& store = services.store;
  if (const auto list = store.find_list(name)) {
    return platforms_of(image::Index::parse(list->document).manifests);
  }
  const auto location = registry::parse_location(name);
  if (!location && request.pull != PullPolicy::kNever) {
    for (const auto& candidate : registry::RegistriesConf::load().candidates(name)) {
      if (candidate.registry() == "localhost") continue;
      const registry::Location place{
          .kind = registry::TransportKind::kDocker, .path = {}, .reference = candidate.str()};
      const auto entries = registry::read_index(place, request.connection, store, stop);
      if (!entries.empty()) return platforms_of(entries);
    }
  } else if (location) {
    const auto entries = registry::read_index(*location, request.connection, store, stop);
    if (!entries.empty()) return platforms_of(entries);
  }
  const BaseImage image = resolve_base_image(
      name, {Platform::host(), request.pull, request.connection}, store, services.events, stop);
  return {image.config.platform};
}

bool holds_index(const Output& output) {
  switch (output.kind) {
    case OutputKind::kOciArchive:
    case OutputKind::kOciLayout:
    case OutputKind::kRegistry:
      return true;
    case OutputKind::kLocation:
      return output.location.kind == registry::TransportKind::kDocker ||
             output.location.kind == registry::TransportKind::kOciLayout ||
             output.location.kind == registry::TransportKind::kOciArchive ||
             output.location.kind == registry::TransportKind::kDirectory;
    case OutputKind::kDirectory:
    case OutputKind::kTar:
    case OutputKind::kDockerArchive:
      return false;
  }
  return false;
}

std::string folder_of(const Platform& platform) {
  std::string name = platform.str();
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

}  // namespace

std::vector<Platform> base_platforms(const BuildRequest& request, const Services& services,
                                     const std::stop_token& stop) {
  std::optional<std::vector<Platform>> common;
  for (const std::string& name : images_of_target(request, services, stop)) {
    const std::vector<Platform> offered = platforms_of_image(name, request, services, stop);
    if (!common) {
      common = offered;
      continue;
    }
    std::erase_if(*common, [&](const Platform& platform) {
      return std::find(offered.begin(), offered.end(), platform) == offered.end();
    });
  }
  if (!common) {
    throw base::Error("--all-platforms: the build has no base image that would say which")
        .hint("name them: --platform A,B");
  }
  if (common->empty()) {
    throw base::Error("--all-platforms: the base images have no platform in common");
  }
  return *common;
}

BuildRequest for_platform(const BuildRequest& asked, const Platform& platform) {
  BuildRequest request = asked;
  request.platform = platform;
  request.is_one_of_several = true;
  request.tags.clear();
  std::erase_if(request.outputs, holds_index);
  for (Output& output : request.outputs) {
    if (output.kind == OutputKind::kDirectory) output.destination /= folder_of(platform);
  }
  return request;
}

void put_image(image::Index& index, const BuildResult& image, store::Store& store) {
  image::Descriptor entry = image.manifest;
  entry.platform = store.read_config(image.image_id).platform;
  std::erase_if(index.manifests, [&](const image::Descriptor& other) {
    return other.digest == entry.digest || other.platform == entry.platform;
  });
  index.manifests.push_back(std::move(entry));
}

void check_index_outputs(const BuildRequest& asked) {
  for (const Output& output : asked.outputs) {
    if (holds_index(output) || output.kind == OutputKind::kDirectory) continue;
    throw base::Error("the images of several platforms do not fit into this output")
        .hint(
            "they fit into a registry (--push), type=oci, and type=local, with a folder for each");
  }
}

}  // namespace bld::builder
