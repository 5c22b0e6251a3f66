#include "builder/run_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/file_io.h"
#include "base/text.h"
#include "layers/entries_layer.h"
#include "layers/overlay_upper.h"
#include "runtime/overlay.h"

namespace bld::builder {

namespace {

using dockerfile::RunMount;

constexpr std::size_t kMaxSecretBytes = 500 * 1024;
constexpr std::string_view kSshTarget = "/run/buildkit/ssh_agent.";

// A directory that holds one cache: "data" is what steps see, "lock" says who uses it.
struct CacheDirectory {
  base::RootedDir data;
  base::FileLock lock;
};

base::FileLock::Mode lock_mode(RunMount::Sharing sharing) {
  return sharing == RunMount::Sharing::kShared ? base::FileLock::Mode::kShared
                                               : base::FileLock::Mode::kExclusive;
}

base::RootedDir make_cache_data(const std::filesystem::path& directory, const RunMount& mount) {
  const base::RootedDir parent = base::RootedDir::open(directory);
  if (::mkdirat(parent.fd(), "data", 0700) == 0) {
    const mode_t mode = mount.mode.value_or(0755);
    if (::fchownat(parent.fd(), "data", mount.uid.value_or(0), mount.gid.value_or(0), 0) != 0 ||
        ::fchmodat(parent.fd(), "data", mode, 0) != 0) {
      throw base::Error::sys("chown", "cache directory");
    }
  }
  return parent.open_dir("data", base::Resolve::kInRootNoLinks);
}

// Shared users of one cache hold its lock shared, a locked one waits for it alone, and a private
// one takes the first of the caches "id", "id (2)", … that nobody uses.
CacheDirectory open_cache(store::Store& store, const std::string& id, const RunMount& mount) {
  for (int number = 1;; ++number) {
    const std::filesystem::path directory =
        store.cache_dir(number == 1 ? id : fmt::format("{} ({})", id, number));
    const std::filesystem::path lock_path = directory / "lock";
    if (mount.sharing != RunMount::Sharing::kPrivate) {
      auto lock = base::FileLock::wait(lock_path, lock_mode(mount.sharing));
      return {make_cache_data(directory, mount), std::move(lock)};
    }
    if (auto lock = base::FileLock::attempt(lock_path, base::FileLock::Mode::kExclusive)) {
      return {make_cache_data(directory, mount), std::move(*lock)};
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
  layers::write_entries_as_tree(place(operation, selection, nothing, nothing),
                                base::RootedDir::open(copy));
  const auto status = context.root().stat(source);
  subpath = status && S_ISDIR(status->st_mode) ? "" : base::split_path(source).name;
  return copy;
}

bool has_directory(const std::vector<std::filesystem::path>& trees, const std::string& path) {
  const base::RootedDir files(runtime::mount_overlay({.lower = trees, .upper = {}, .work = {}}));
  const auto status = files.stat(path);
  return status && S_ISDIR(status->st_mode);
}

}  // namespace

RunMounts::RunMounts(const std::vector<MountOperation>& mounts, const MountSources& sources) {
  for (const MountOperation& mount : mounts) {
    switch (mount.mount.type) {
      case RunMount::Type::kBind:
        add_bind(mount, sources);
        break;
      case RunMount::Type::kCache:
        add_cache(mount, sources);
        break;
      case RunMount::Type::kTmpfs:
        mounts_.emplace_back(runtime::TmpfsMount{.target = mount.mount.target,
                                                 .size_bytes = mount.mount.size_bytes.value_or(0)});
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
  if (const auto* step = std::get_if<FromStep>(&mount.source)) {
    view.lower = sources.inputs.at(step->input).trees(store);
    if (view.lower.empty()) view.lower.push_back(store.make_temp_dir());
    // A VOLUME need not be there; no other mount is of what the step stands on.
    if (step->input == 0 && !has_directory(view.lower, view.subpath)) {
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
      mounts_.emplace_back(
          runtime::BindMount{.target = mount.mount.target, .source_fd = source->get()});
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

void RunMounts::add_cache(const MountOperation& mount, const MountSources& sources) {
  if (!std::holds_alternative<FromNowhere>(mount.source)) {
    throw base::Error("RUN --mount=type=cache,from= is not supported by bld yet");
  }
  CacheDirectory cache = open_cache(sources.services.store, mount.mount.id, mount.mount);
  mounts_.emplace_back(runtime::BindMount{.target = mount.mount.target,
                                          .source_fd = cache.data.fd(),
                                          .read_only = mount.mount.read_only});
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
                                          .read_only = true});
}

// The agent's own socket. Its owner is the user who runs bld, root inside, so it serves only root.
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
  if (mount.uid.value_or(0) != 0 || mount.gid.value_or(0) != 0) {
    throw base::Error("RUN --mount=type=ssh with uid or gid is not supported by bld yet");
  }
  base::UniqueFd socket(::open(found->socket.c_str(), O_PATH | O_CLOEXEC));
  if (!socket) throw base::Error::sys("open", found->socket.string());
  mounts_.emplace_back(runtime::BindMount{.target = mount.target, .source_fd = socket.get()});
  descriptors_.push_back(std::move(socket));
  env_.push_back("SSH_AUTH_SOCK=" + mount.target);
}

}  // namespace bld::builder
