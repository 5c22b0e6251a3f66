#include "builder/run_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/file_io.h"
#include "base/owner_record.h"
#include "base/text.h"
#include "builder/opened_trees.h"
#include "builder/volumes.h"
#include "layers/entries_layer.h"
#include "layers/overlay_upper.h"
#include "layers/squash.h"

namespace bld::builder {

namespace {

using dockerfile::RunMount;

constexpr std::size_t kMaxSecretBytes = 500 * 1024;

// A directory that holds one cache: "data" is what steps see, "lock" says who uses it.
struct CacheDirectory {
  base::RootedDir data;
  base::FileLock lock;
};

base::FileLock::Mode lock_mode(RunMount::Sharing sharing) {
  return sharing == RunMount::Sharing::kShared ? base::FileLock::Mode::kShared
                                               : base::FileLock::Mode::kExclusive;
}

// What a new cache begins with. Empty: nothing.
using CacheSeed = std::function<std::filesystem::path()>;

// Other users of the cache may be making it at the same time: whoever renames first has made it.
base::RootedDir make_cache_data(const std::filesystem::path& directory, const RunMount& mount,
                                const CacheSeed& seed, store::Store& store) {
  const base::RootedDir parent = base::RootedDir::open(directory);
  if (!parent.lstat("data")) {
    const std::filesystem::path made = seed ? seed() : store.make_temp_dir();
    const mode_t mode = mount.mode.value_or(0755);
    if (!base::set_owner_at(AT_FDCWD, made, mount.uid.value_or(0), mount.gid.value_or(0)) ||
        ::chmod(made.c_str(), mode) != 0) {
      throw base::Error::sys("chown", "cache directory");
    }
    if (::renameat2(AT_FDCWD, made.c_str(), parent.fd(), "data", RENAME_NOREPLACE) != 0 &&
        errno != EEXIST) {
      throw base::Error::sys("rename", "cache directory");
    }
  }
  return parent.open_dir("data", base::Resolve::kInRootNoLinks);
}

// Shared users of one cache hold its lock shared, a locked one waits for it alone, and a private
// one takes the first of the caches "id", "id (2)", … that nobody uses. In a chroot the directory
// is moved to its user, so that nobody shares one.
CacheDirectory open_cache(store::Store& store, const std::string& id, const RunMount& mount,
                          bool alone, const CacheSeed& seed) {
  const auto mode = alone ? base::FileLock::Mode::kExclusive : lock_mode(mount.sharing);
  for (int number = 1;; ++number) {
    const std::filesystem::path directory =
        store.cache_dir(number == 1 ? id : fmt::format("{} ({})", id, number));
    const std::filesystem::path lock_path = directory / "lock";
    if (mount.sharing != RunMount::Sharing::kPrivate) {
      auto lock = base::FileLock::wait(lock_path, mode);
      return {make_cache_data(directory, mount, seed, store), std::move(lock)};
    }
    if (auto lock = base::FileLock::attempt(lock_path, base::FileLock::Mode::kExclusive)) {
      return {make_cache_data(directory, mount, seed, store), std::move(*lock)};
    }
  }
}

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

// What the ignore file leaves of a part of the context, as a directory of its own. `subpath`
// becomes where the part is in there.
std::filesystem::path filtered_copy(const Context& context, const std::string& source,
                                    std::string& subpath, store::Store& store) {
  CopyOperation operation;
  operation.sources.emplace_back(source.empty() ? std::string("/") : source);
  operation.destination = "/";
  const Selection selection =
      select(operation, {.root = &context.root(), .ignore = &context.ignore()});
  const base::RootedDir nothing = base::RootedDir::open(store.make_temp_dir());
  const std::filesystem::path copy = store.make_temp_dir();
  layers::write_entries_as_tree(place(operation, selection, DirectoryFiles(nothing), nothing),
                                base::RootedDir::open(copy));
  const auto status = context.root().stat(source);
  subpath = status && S_ISDIR(status->st_mode) ? "" : base::split_path(source).name;
  return copy;
}

bool has_directory(const std::vector<std::filesystem::path>& trees, const std::string& path,
                   Roots& roots) {
  const RootView files = roots.look_into(trees);
  const auto status = files.root().stat(path);
  return status && S_ISDIR(status->st_mode);
}

// A folder of these trees as a directory of its own, with owners and all.
std::filesystem::path copy_of_folder(const std::vector<std::filesystem::path>& trees,
                                     const std::string& folder, store::Store& store) {
  const std::filesystem::path whole = store.make_temp_dir();
  const base::RootedDir root = base::RootedDir::open(whole);
  layers::squash(OpenedTrees(trees).stack(), root, {.keep_whiteouts = false, .hard_links = false});
  if (base::clean_absolute(folder) == "/") return whole;
  const auto found = root.find_dir(folder, base::Resolve::kInRoot);
  if (!found) throw base::Error("\"{}\": no such folder there", base::printable(folder));
  // Where the kernel found it, whatever links led there.
  const auto path = std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", found->fd()));
  std::filesystem::path copy = store.make_temp_dir();
  if (::rename(path.c_str(), copy.c_str()) != 0) throw base::Error::sys("rename", folder);
  return copy;
}

// Caches of one id that begin with different contents are different caches.
std::string cache_id(const MountOperation& mount, const MountSources& sources) {
  std::string id = mount.mount.id;
  if (std::holds_alternative<FromNowhere>(mount.source)) return id;
  id += "\nfrom ";
  if (const auto* step = std::get_if<FromStep>(&mount.source)) {
    id += image::chain_id(sources.inputs.at(step->input).diff_ids()).digest.str();
  } else {
    id += "context " + std::get<FromContext>(mount.source).name;
  }
  return id + "\nsource " + mount.mount.source;
}

}  // namespace

RunMounts::RunMounts(const std::vector<MountOperation>& mounts, const MountSources& sources) {
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
        add_tmpfs(mount.mount, sources);
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
    copy = copy_of_folder(sources.inputs.at(step->input).trees(store), mount.mount.source, store);
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

void RunMounts::add_tmpfs(const RunMount& mount, const MountSources& sources) {
  if (!mount.copy_up) {
    mounts_.emplace_back(
        runtime::TmpfsMount{.target = mount.target, .size_bytes = mount.size_bytes.value_or(0)});
    return;
  }
  if (mount.size_bytes) throw base::Error("a mount has either a size or tmpcopyup");
  if (sources.inputs.empty()) throw base::Error("tmpcopyup is for the mounts of RUN");
  // What the image has there, with changes that go with the command: a view of it is as good.
  MountOperation view{.mount = mount, .source = FromStep{0}};
  view.mount.source = mount.target;
  view.mount.read_only = false;
  add_bind(view, sources);
}

void RunMounts::add_cache(const MountOperation& mount, const MountSources& sources) {
  store::Store& store = sources.services.store;
  CacheSeed seed;
  if (const auto* step = std::get_if<FromStep>(&mount.source)) {
    seed = [&mount, &store, snapshot = sources.inputs.at(step->input)] {
      return copy_of_folder(snapshot.trees(store), mount.mount.source, store);
    };
  } else if (const auto* context = std::get_if<FromContext>(&mount.source)) {
    seed = [&mount, &store, &files = sources.contexts.at(context->name)] {
      std::string subpath;
      std::filesystem::path copy = filtered_copy(files, mount.mount.source, subpath, store);
      if (!subpath.empty()) throw base::Error("\"{}\" is no folder", mount.mount.source);
      return copy;
    };
  } else if (!mount.mount.source.empty()) {
    throw base::Error("a cache mount with source= needs from=, what it is a folder of");
  }
  const bool alone = sources.services.containers.confinement() == runtime::Confinement::kChroot;
  CacheDirectory cache = open_cache(store, cache_id(mount, sources), mount.mount, alone, seed);
  if (mount.mount.chown_to_user) give_away(cache.data, sources.user(), mount.mount.target);
  mounts_.emplace_back(runtime::BindMount{.target = mount.mount.target,
                                          .source_fd = cache.data.fd(),
                                          .read_only = mount.mount.read_only,
                                          .nosuid = mount.mount.nosuid,
                                          .noexec = mount.mount.noexec,
                                          .may_be_moved = true});
  locks_.push_back(std::move(cache.lock));
  directories_.push_back(std::move(cache.data));
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
