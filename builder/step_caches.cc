#include "builder/step_caches.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/owner_record.h"
#include "base/text.h"

namespace bld::builder {

namespace {

using dockerfile::RunMount;
using Mode = base::FileLock::Mode;

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

CacheSeed seed_of(const MountOperation& mount, const MountSources& sources) {
  if (const auto* step = std::get_if<FromStep>(&mount.source)) {
    return [&mount, &sources, snapshot = sources.inputs.at(step->input)] {
      return copy_of_folder(snapshot.trees(sources.services.store), mount.mount.source,
                            sources.services);
    };
  }
  if (const auto* context = std::get_if<FromContext>(&mount.source)) {
    return [&mount, &sources, &files = sources.contexts.at(context->name)] {
      std::string subpath;
      std::filesystem::path copy =
          filtered_copy(files, mount.mount.source, subpath, sources.services.store);
      if (!subpath.empty()) throw base::Error("\"{}\" is no folder", mount.mount.source);
      return copy;
    };
  }
  if (!mount.mount.source.empty()) {
    throw base::Error("a cache mount with source= needs from=, what it is a folder of");
  }
  return {};
}

base::FileLock wait_for_lock(const std::filesystem::path& path, Mode mode, const RunMount& mount,
                             const MountSources& sources) {
  auto lock = base::FileLock::wait(path, mode, sources.stop, [&] {
    sources.services.events.send(base::Note{fmt::format(
        "waiting for the cache of {}: another step has it for itself", base::printable(mount.id))});
  });
  if (!lock) throw base::Error("stopped while waiting for the cache of {}", mount.target);
  return std::move(*lock);
}

struct Wish {
  Mode mode = Mode::kShared;
  std::vector<const MountOperation*> mounts;
};

}  // namespace

StepCaches::StepCaches(const std::vector<MountOperation>& mounts, const MountSources& sources) {
  const bool alone = sources.services.containers.confinement() == runtime::Confinement::kChroot;
  store::Store& store = sources.services.store;
  std::map<std::string, Wish> wishes;  // in the order of their ids, which is that of their locks
  std::vector<const MountOperation*> of_their_own;
  for (const MountOperation& mount : mounts) {
    if (mount.mount.type != RunMount::Type::kCache) continue;
    if (mount.mount.sharing == RunMount::Sharing::kPrivate) {
      of_their_own.push_back(&mount);
      continue;
    }
    Wish& wish = wishes[cache_id(mount, sources)];
    if (alone || mount.mount.sharing == RunMount::Sharing::kLocked) wish.mode = Mode::kExclusive;
    wish.mounts.push_back(&mount);
  }
  const auto add = [&](const std::filesystem::path& directory, const MountOperation& mount,
                       base::FileLock lock) {
    caches_.push_back(
        {make_cache_data(directory, mount.mount, seed_of(mount, sources), store), std::move(lock)});
    of_mounts_[&mount] = caches_.size() - 1;
  };
  for (const auto& [id, wish] : wishes) {
    const std::filesystem::path directory = store.cache_dir(id);
    const MountOperation& first = *wish.mounts.front();
    add(directory, first, wait_for_lock(directory / "lock", wish.mode, first.mount, sources));
    for (const MountOperation* mount : wish.mounts) of_mounts_[mount] = caches_.size() - 1;
  }
  for (const MountOperation* mount : of_their_own) {
    const std::string id = cache_id(*mount, sources);
    for (int number = 1; !of_mounts_.contains(mount); ++number) {
      const std::filesystem::path directory =
          store.cache_dir(number == 1 ? id : fmt::format("{} ({})", id, number));
      auto lock = base::FileLock::attempt(directory / "lock", Mode::kExclusive);
      if (lock) add(directory, *mount, std::move(*lock));
    }
  }
}

const base::RootedDir& StepCaches::directory_of(const MountOperation& mount) const {
  return caches_.at(of_mounts_.at(&mount)).data;
}

}  // namespace bld::builder
