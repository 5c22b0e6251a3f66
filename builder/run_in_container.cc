#include "builder/run_in_container.h"

#include <cstdlib>
#include <utility>

#include "base/error.h"
#include "builder/base_images.h"
#include "builder/config_edit.h"
#include "builder/mount_container.h"
#include "builder/run_mounts.h"
#include "builder/snapshot.h"
#include "builder/variables.h"

namespace bld::builder {

namespace {

using dockerfile::RunMount;

// The mounts of --mount as those of a RUN, but for the binds of this machine, which are volumes.
struct ContainerMounts {
  std::vector<MountOperation> operations;
  std::vector<Snapshot> inputs;  // the container's own first, then images
  std::vector<VolumeMount> volumes;
};

Snapshot snapshot_of_image(const std::string& name, const WorkingContainer& container,
                           const Services& services, const std::stop_token& stop) {
  const BaseImage image =
      resolve_base_image(name, {.platform = container.config.platform, .use = BaseUse::kFiles},
                         services.store, services.events, stop);
  std::vector<std::shared_ptr<LayerHandle>> layers;
  for (const image::DiffId& layer : image.config.diff_ids) {
    layers.push_back(LayerHandle::stored(layer));
  }
  return Snapshot(std::move(layers));
}

// Without a source it is the context itself.
VolumeMount volume_of(const RunMount& mount, const std::filesystem::path& context) {
  if (mount.source.empty() && context.empty()) {
    throw base::Error("must set volume source").hint("--mount type=bind,source=…,target=…");
  }
  return {.host = std::filesystem::absolute(context / mount.source),
          .container = mount.target,
          .read_only = mount.read_only,
          .change_owner = mount.chown_to_user,
          .nosuid = mount.nosuid,
          .noexec = mount.noexec};
}

ContainerMounts read_mounts(const WorkingContainer& container, const ContainerRunOptions& options,
                            const Services& services, const std::stop_token& stop) {
  ContainerMounts mounts;
  mounts.inputs.push_back(base_of(container));
  for (RunMount mount : options.mounts) {
    if (mount.type == RunMount::Type::kSecret || mount.type == RunMount::Type::kSsh) {
      throw base::Error("--mount: secrets and agents are given to `bld build`")
          .hint("show a secret as a file: --volume FILE:/run/secrets/NAME:ro");
    }
    mount.target = resolve_directory(container.config.config, mount.target);
    if (mount.type == RunMount::Type::kCache && mount.id.empty()) mount.id = mount.target;
    FileSource source = FromNowhere{};
    if (!mount.from.empty()) {
      source = FromStep{mounts.inputs.size()};
      mounts.inputs.push_back(snapshot_of_image(mount.from, container, services, stop));
    } else if (mount.type == RunMount::Type::kBind) {
      mounts.volumes.push_back(volume_of(mount, options.context));
      continue;
    }
    mounts.operations.push_back({std::move(mount), source});
  }
  return mounts;
}

RunOperation operation_of(const WorkingContainer& container, const ContainerRunOptions& options) {
  const image::RunConfig& config = container.config.config;
  RunOperation operation;
  operation.args = options.args;
  operation.env = config.env;
  for (const std::string& entry : options.env) {
    const std::size_t equals = entry.find('=');
    set_variable(operation.env, entry.substr(0, equals),
                 equals == std::string::npos ? "" : entry.substr(equals + 1));
  }
  if (!find_variable(operation.env, "PATH")) operation.env.emplace_back(kDefaultPath);
  for (const std::string_view name : kProxyVariables) {
    const char* value = options.settings.http_proxy ? std::getenv(name.data()) : nullptr;
    if (value != nullptr && !find_variable(operation.env, name)) {
      operation.unrecorded_env.push_back(std::string(name) + "=" + value);
    }
  }
  for (const std::string& entry : options.settings.env) {
    if (find_variable(operation.env, entry.substr(0, entry.find('=')))) continue;
    operation.unrecorded_env.push_back(entry);
  }
  operation.directory =
      base::clean_absolute(options.directory.empty() ? config.working_dir : options.directory);
  operation.user = options.user.empty() ? config.user : options.user;
  operation.identity =
      fmt::format("name=\"{}\"\nid=\"{}\"\nimage=\"{}\"\nimageid=\"{}\"\n", container.record.name,
                  container.record.id, container.image_name, container.image_id);
  return operation;
}

}  // namespace

runtime::Exit run_in_container(const WorkingContainer& container,
                               const ContainerRunOptions& options, const Services& services,
                               std::stop_token stop) {
  const auto lock = services.store.lock_container(container.record.id);
  const runtime::OverlayDirs root = root_of(container, services.store);
  RunOperation operation = operation_of(container, options);
  const ContainerMounts mounts = read_mounts(container, options, services, stop);
  const runtime::OverlayRoot files{.lower = services.roots.to_mount(stacked(root.lower)),
                                   .upper = root.upper,
                                   .work = root.work};
  const BuildRequest request;
  const RunMounts made(
      mounts.operations,
      {.request = request,
       .services = services,
       .contexts = {},
       .inputs = mounts.inputs,
       .root = files,
       .user = [&] { return user_of(operation, files, options.settings, services).user; },
       .stop = stop});
  CommandSettings settings = options.settings;
  settings.volumes.insert(settings.volumes.end(), mounts.volumes.begin(), mounts.volumes.end());
  if (settings.hostname.empty()) settings.hostname = container.config.config.hostname;
  if (settings.hostname.empty()) settings.hostname = container.record.id.substr(0, 12);
  try {
    return run_step(operation, files, made.mounts(), settings, services, options.stdio,
                    std::move(stop));
  } catch (const base::Error&) {
    if (services.store.find_container(container.record.id)) throw;
    throw base::Error("{}: the container was removed while the command ran", container.record.name);
  }
}

}  // namespace bld::builder
