#include "builder/run_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/error.h"
#include "base/file_io.h"
#include "base/owner_record.h"
#include "base/text.h"
#include "builder/volumes.h"
#include "layers/overlay_upper.h"
#include "layers/squash.h"

namespace bld::builder {

namespace {

using dockerfile::RunMount;

constexpr std::size_t kMaxSecretBytes = 500 * 1024;

std::string read_secret(const SecretSource& secret) {
  if (!secret.variable.empty()) {
    const char* value = std::getenv(secret.variable.c_str());
    if (value == nullptr) {
      throw base::Error("secret \"{}\": the environment has no variable {}", secret.id,
                        secret.variable);
    }
    return value;
  }
  try {
    return base::read_file(secret.file, kMaxSecretBytes);
  } catch (base::Error& error) {
    error.add_context("secret \"" + secret.id + "\"");
    throw;
  }
}

bool has_directory(const std::vector<std::filesystem::path>& trees, const std::string& path,
                   Roots& roots) {
  const RootView files = roots.look_into(trees);
  const auto status = files.root().stat(path);
  return status && S_ISDIR(status->st_mode);
}

// A detached tmpfs with what the command's root has at the target; nothing if there is nothing.
std::optional<base::UniqueFd> filled_tmpfs(const RunMount& mount, const MountSources& sources) {
  std::vector<std::filesystem::path> trees = sources.root.lower;
  trees.insert(trees.begin(), sources.root.upper);
  const RootView files = sources.services.roots.look_into(trees);
  const auto found = files.root().find_dir(mount.target);
  if (!found) return std::nullopt;
  base::UniqueFd tmpfs = runtime::mount_tmpfs(mount.size_bytes.value_or(0), 0755);
  const base::RootedDir target(tmpfs.duplicate());
  const base::RootedDir* source[] = {&*found};
  layers::squash(source, target, {.keep_whiteouts = false, .hard_links = false});
  if (mount.mode && ::fchmodat(target.fd(), ".", *mount.mode, 0) != 0) {
    throw base::Error::sys("chmod", mount.target);
  }
  return tmpfs;
}

}  // namespace

RunMounts::RunMounts(const std::vector<MountOperation>& mounts, const MountSources& sources)
    : caches_(mounts, sources) {
  for (const MountOperation& mount : mounts) {
    switch (mount.mount.type) {
      case RunMount::Type::kBind:
        if (mount.mount.chown_to_user) {
          add_owned_copy(mount, sources);
        } else {
          add_bind(mount, sources);
        }
        break;
      case RunMount::Type::kCache:
        add_cache(mount, sources);
        break;
      case RunMount::Type::kTmpfs:
        add_tmpfs(mount, sources);
        break;
      case RunMount::Type::kSecret:
        add_secret(mount.mount, sources);
        break;
      case RunMount::Type::kSsh:
        add_ssh(mount.mount, sources);
        break;
    }
  }
}

// Writes to what is not a cache are discarded: a writable bind is a view with a throw-away upper.
void RunMounts::add_bind(const MountOperation& mount, const MountSources& sources) {
  store::Store& store = sources.services.store;
  runtime::OverlayView view;
  view.target = mount.mount.target;
  view.subpath = mount.mount.source;
  view.nosuid = mount.mount.nosuid;
  view.noexec = mount.mount.noexec;
  if (const auto* step = std::get_if<FromStep>(&mount.source)) {
    view.lower = sources.services.roots.to_mount(sources.inputs.at(step->input).stack(store));
    if (view.lower.empty()) view.lower.push_back(store.make_temp_dir());
    // A VOLUME need not be there; no other mount is of what the step stands on.
    if (step->input == 0 && !has_directory(view.lower, view.subpath, sources.services.roots)) {
      mounts_.emplace_back(runtime::TmpfsMount{.target = view.target, .mode = 0755});
      return;
    }
  } else {
    const Context& context = sources.contexts.at(std::get<FromContext>(mount.source).name);
    if (context.ignore().empty() && mount.mount.read_only) {
      auto source = context.root().find(mount.mount.source, O_PATH);
      if (!source) {
        throw base::Error("\"{}\": not found in the build context",
                          base::printable(mount.mount.source));
      }
      mounts_.emplace_back(runtime::BindMount{.target = mount.mount.target,
                                              .source_fd = source->get(),
                                              .nosuid = mount.mount.nosuid,
                                              .noexec = mount.mount.noexec});
      descriptors_.push_back(std::move(*source));
      return;
    }
    view.lower.push_back(filtered_copy(context, mount.mount.source, view.subpath, store));
  }
  if (!mount.mount.read_only) {
    store::ActiveTree& writes = discarded_.emplace_back(store.new_tree());
    layers::prepare_upper(view.lower, writes.fs());
    view.upper = writes.fs();
    view.work = writes.work();
  }
  mounts_.emplace_back(std::move(view));
}

// U: what is shown belongs to the user of the command, and is a copy, which goes with it.
void RunMounts::add_owned_copy(const MountOperation& mount, const MountSources& sources) {
  store::Store& store = sources.services.store;
  std::string subpath;
  std::filesystem::path copy;
  if (const auto* step = std::get_if<FromStep>(&mount.source)) {
    copy = copy_of_folder(sources.inputs.at(step->input).trees(store), mount.mount.source,
                          sources.services);
  } else {
    copy = filtered_copy(sources.contexts.at(std::get<FromContext>(mount.source).name),
                         mount.mount.source, subpath, store);
  }
  const base::RootedDir directory = base::RootedDir::open(copy);
  give_away(directory, sources.user(), mount.mount.target);
  auto shown = directory.find(subpath, O_PATH);
  if (!shown) throw base::Error("\"{}\": not found", base::printable(mount.mount.source));
  mounts_.emplace_back(runtime::BindMount{.target = mount.mount.target,
                                          .source_fd = shown->get(),
                                          .read_only = mount.mount.read_only,
                                          .nosuid = mount.mount.nosuid,
                                          .noexec = mount.mount.noexec});
  descriptors_.push_back(std::move(*shown));
}

void RunMounts::add_cache(const MountOperation& mount, const MountSources& sources) {
  const base::RootedDir& data = caches_.directory_of(mount);
  if (mount.mount.chown_to_user) give_away(data, sources.user(), mount.mount.target);
  mounts_.emplace_back(runtime::BindMount{.target = mount.mount.target,
                                          .source_fd = data.fd(),
                                          .read_only = mount.mount.read_only,
                                          .nosuid = mount.mount.nosuid,
                                          .noexec = mount.mount.noexec,
                                          .may_be_moved = true});
}

void RunMounts::add_tmpfs(const MountOperation& mount, const MountSources& sources) {
  const RunMount& wanted = mount.mount;
  runtime::TmpfsMount tmpfs{.target = wanted.target,
                            .size_bytes = wanted.size_bytes.value_or(0),
                            .mode = wanted.mode.value_or(01777),
                            .read_only = wanted.read_only,
                            .noexec = wanted.noexec};
  if (wanted.copy_up) {
    if (sources.services.containers.confinement() == runtime::Confinement::kChroot) {
      throw base::Error(
          "{}: a tmpfs with tmpcopyup needs mounts, which the container around bld "
          "refuses",
          base::printable(wanted.target))
          .hint("what is in the way: bld doctor");
    }
    if (auto filled = filled_tmpfs(wanted, sources)) {
      tmpfs.filled_fd = filled->get();
      descriptors_.push_back(std::move(*filled));
    }
  }
  mounts_.emplace_back(std::move(tmpfs));
}

void RunMounts::add_secret(const RunMount& mount, const MountSources& sources) {
  const auto& secrets = sources.request.secrets;
  const auto found = std::find_if(secrets.begin(), secrets.end(), [&](const SecretSource& secret) {
    return secret.id == mount.id;
  });
  if (found == secrets.end()) {
    if (!mount.required) {
      if (mount.env) env_.push_back(*mount.env + "=");
      return;
    }
    base::Error error("secret \"{}\" not found: it is required and was not given",
                      base::printable(mount.id));
    error.hint("give it with --secret id=" + mount.id + ",src=FILE");
    throw error;
  }
  std::string value = read_secret(*found);
  if (mount.env) env_.push_back(*mount.env + "=" + value);
  if (mount.target.empty()) return;
  mounts_.emplace_back(runtime::FileMount{.target = mount.target,
                                          .contents = std::move(value),
                                          .mode = mount.mode.value_or(0400),
                                          .uid = mount.uid.value_or(0),
                                          .gid = mount.gid.value_or(0),
                                          .read_only = true,
                                          .is_secret = true});
}

void RunMounts::add_ssh(const RunMount& mount, const MountSources& sources) {
  const std::string id = mount.id.empty() ? "default" : mount.id;
  const auto& agents = sources.request.ssh;
  const auto found = std::find_if(agents.begin(), agents.end(),
                                  [&](const SshSource& agent) { return agent.id == id; });
  if (found == agents.end()) {
    if (!mount.required) return;
    base::Error error("ssh agent \"{}\" is required and was not given", base::printable(id));
    error.hint("give it with --ssh " + id);
    throw error;
  }
  store::Store& store = sources.services.store;
  const std::filesystem::path directory = store.make_temp_dir();
  std::filesystem::path agent = found->socket;
  if (agent.empty()) {
    agents_.push_back(std::make_unique<SshAgent>(directory, found->keys));
    agent = agents_.back()->socket();
  }
  const SshForward& forward = forwards_.emplace_back(
      directory, agent, mount.uid.value_or(0), mount.gid.value_or(0), mount.mode.value_or(0600));
  mounts_.emplace_back(
      runtime::BindMount{.target = mount.target, .source_fd = forward.socket_fd()});
  env_.push_back("SSH_AUTH_SOCK=" + mount.target);
}

}  // namespace bld::builder
