#include "builder/commit_container.h"

#include <optional>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "builder/assemble.h"
#include "builder/config_edit.h"
#include "builder/opened_trees.h"
#include "builder/plan.h"
#include "builder/time_rule.h"
#include "builder/working_container.h"
#include "dockerfile/parser.h"
#include "layers/overlay_upper.h"
#include "layers/seal.h"
#include "layers/squash.h"
#include "layers/tree_walk.h"

namespace bld::builder {

namespace {

// A layer with only a blob: the tree stays the container's.
image::DiffId record_blob(const base::RootedDir& tree, const layers::SealOptions& options,
                          store::Store& store) {
  store::Transaction transaction = store.begin();
  layers::SealedLayer sealed;
  const image::Descriptor blob = transaction.put_blob(
      [&](base::ByteSink& sink) { sealed = layers::seal(tree, options, &sink); },
      image::MediaType::kOciLayerTar);
  store::Layer layer;
  layer.diff_id = sealed.diff_id;
  layer.tar_size_bytes = sealed.tar_size;
  layer.blobs = {blob};
  transaction.record_layer(layer);
  std::move(transaction).commit();
  return sealed.diff_id;
}

std::optional<image::DiffId> seal_changes(const WorkingContainer& container,
                                          const BuildRequest& request, store::Store& store) {
  const std::filesystem::path upper = store.container_dir(container.record.id) / "upper";
  layers::SealOptions options = time_rule(request);
  const std::vector<std::filesystem::path> below = base_of(container).trees(store);
  if (!below.empty()) {
    options.parent_root = layers::root_entry(base::RootedDir::open(below.front()));
  }
  if (layers::is_unchanged(upper, options.parent_root)) return std::nullopt;
  return record_blob(base::RootedDir::open(upper), options, store);
}

// The whole of it as one layer.
image::DiffId seal_all(const WorkingContainer& container, const std::optional<AddedFiles>& added,
                       const BuildRequest& request, store::Store& store) {
  std::vector<std::filesystem::path> trees = base_of(container).trees(store);
  trees.insert(trees.begin(), store.container_dir(container.record.id) / "upper");
  if (added) trees.insert(trees.begin(), added->tree.fs());
  const store::ActiveTree whole = store.new_tree();
  const base::RootedDir target = base::RootedDir::open(whole.fs());
  layers::squash(OpenedTrees(trees).stack(), target,
                 {.keep_whiteouts = false, .hard_links = false});
  return record_blob(target, time_rule(request), store);
}

void merge(image::RunConfig& config, const image::RunConfig& more) {
  for (const std::string& port : more.exposed_ports) add_exposed_port(config, port);
  for (const std::string& volume : more.volumes) add_volume(config, volume);
  for (const std::string& entry : more.env) {
    const std::string name = entry.substr(0, entry.find('=') + 1);
    std::erase_if(config.env, [&](const std::string& known) { return known.starts_with(name); });
    config.env.push_back(entry);
  }
  for (const auto& [key, value] : more.labels) config.labels[key] = value;
  config.on_build.insert(config.on_build.end(), more.on_build.begin(), more.on_build.end());
  if (more.entrypoint) config.entrypoint = more.entrypoint;
  if (more.cmd) config.cmd = more.cmd;
  if (more.healthcheck) config.healthcheck = more.healthcheck;
  if (!more.shell.empty()) config.shell = more.shell;
  for (const auto text :
       {&image::RunConfig::user, &image::RunConfig::working_dir, &image::RunConfig::stop_signal,
        &image::RunConfig::hostname, &image::RunConfig::domainname}) {
    if (!(more.*text).empty()) config.*text = more.*text;
  }
}

// The instructions as a Containerfile that stands on the container's configuration.
image::ImageConfig with_changes(const image::ImageConfig& config, const CommitOptions& options) {
  if (options.changes.empty()) return config;
  const dockerfile::SourceText source({{"the container", "FROM container\n", 1},
                                       {"--change", base::join(options.changes, "\n"), 1}});
  const dockerfile::Containerfile file = dockerfile::parse(source);
  BaseImage base{.config = config, .name = {}, .manifest_digest = {}, .image_id = {}};
  base.config.config.on_build.clear();  // the image's own were triggered when it was made from it
  Plan plan = builder::plan({.source = source,
                             .file = file,
                             .request = options.image,
                             .build_platform = config.platform,
                             .target_platform = config.platform,
                             .resolve_base = [&](const auto&, const auto&, BaseUse) { return base; },
                             .image_contexts = {},
                             .directory_contexts = {},
                             .environment = [](const auto&) { return std::nullopt; }});
  for (const Step& step : plan.graph.steps) {
    if (std::holds_alternative<BaseOperation>(step.operation) ||
        std::holds_alternative<WorkdirOperation>(step.operation)) {
      continue;
    }
    throw base::Error("only instructions that change the configuration can be given here")
        .at(step.position);
  }
  std::vector<std::string>& on_build = plan.config.config.on_build;
  on_build.insert(on_build.begin(), config.config.on_build.begin(), config.config.on_build.end());
  return plan.config;
}

std::string created_by(const WorkingContainer& container) {
  if (!container.created_by.empty()) return container.created_by;
  const std::vector<std::string>& shell = container.config.config.shell;
  return shell.empty() ? "/bin/sh" : base::join(shell, " ");
}

// Buildah puts the base's name behind what the user said, without a blank.
std::string comment_of(const WorkingContainer& container) {
  const bool has_name = !container.image_name.empty() && container.image_name != container.image_id;
  return container.history_comment + (has_name ? "FROM " + container.image_name : "");
}

Plan plan_of(const WorkingContainer& container, const std::optional<AddedFiles>& added,
             const CommitOptions& options) {
  Plan plan;
  image::ImageConfig config = container.config;
  if (options.config) merge(config.config, *options.config);
  plan.config = with_changes(config, options);
  for (const std::string& words : container.history) {
    plan.history.push_back({.created_by = words, .step = std::nullopt});
  }
  plan.history.push_back({.created_by = created_by(container),
                          .step = std::nullopt,
                          .comment = comment_of(container)});
  if (added) {
    for (const std::string& words : added->history) {
      plan.history.push_back({.created_by = words, .step = std::nullopt});
    }
  }
  if (container.record.image_manifest) plan.base_digest = container.record.image_manifest->str();
  return plan;
}

// The container has what its image handed down, unless it was taken away since.
void set_annotations(BuildRequest& request, const WorkingContainer& container) {
  request.inherit_annotations = false;
  std::map<std::string, std::string> annotations = container.annotations;
  for (const std::string& name : request.unset_annotations) annotations.erase(name);
  request.annotations.insert(request.annotations.begin(), annotations.begin(), annotations.end());
}

}  // namespace

BuildResult commit_container(std::string_view name, const CommitOptions& options,
                             store::Store& store, Roots& roots) {
  const std::string id = get_container(store, name).record.id;
  const auto lock = store.lock_container(id);
  const WorkingContainer container = get_container(store, id);
  CommitOptions all = options;
  set_annotations(all.image, container);
  const std::optional<AddedFiles> added = add_files(options.files, container, store, roots);
  const Plan plan = plan_of(container, added, all);
  AssembledLayers layers;
  layers.made_layer.assign(plan.history.size(), false);
  if (all.image.squash) {
    layers.layers = {seal_all(container, added, all.image, store)};
    layers.made_layer.back() = true;
  } else {
    layers.layers = container.record.layers;
    if (const auto layer = seal_changes(container, all.image, store)) {
      layers.layers.push_back(*layer);
      // The container's own entry is in front of those of the added files.
      layers.made_layer[plan.history.size() - 1 - all.files.size()] = true;
    }
    if (added) {
      layers.layers.push_back(
          record_blob(base::RootedDir::open(added->tree.fs()), time_rule(all.image), store));
      layers.made_layer.back() = true;
    }
  }
  return assemble(plan, layers, all.image, store);
}

}  // namespace bld::builder
