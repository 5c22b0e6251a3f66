#include "builder/volumes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/error.h"
#include "base/owner_record.h"
#include "base/rooted_dir.h"
#include "layers/overlay_upper.h"

namespace bld::builder {

namespace {

// Set-uid bits go with the old owner, as the kernel has it.
void give_away_below(const base::RootedDir& directory, const runtime::User& user,
                     const std::string& shown) {
  for (const std::string& name : directory.names()) {
    if (!base::set_owner_at(directory.fd(), name, user.uid, user.gid)) {
      throw base::Error::sys("chown", shown + "/" + name);
    }
    const auto status = directory.lstat(name);
    if (!status || !S_ISDIR(status->st_mode)) continue;
    give_away_below(directory.open_dir(name, base::Resolve::kInRootNoLinks), user,
                    shown + "/" + name);
  }
}

void give_away_all(const std::filesystem::path& path, const runtime::User& user) {
  if (!base::set_owner_at(AT_FDCWD, path, user.uid, user.gid)) {
    throw base::Error::sys("chown", path.string())
        .hint("the volume option U needs a directory that belongs to whom runs bld");
  }
  if (std::filesystem::is_directory(std::filesystem::symlink_status(path))) {
    give_away_below(base::RootedDir::open(path), user, path.string());
  }
}

}  // namespace

void give_away(const base::RootedDir& directory, const runtime::User& user,
               const std::string& shown) {
  if (!base::set_owner(directory.fd(), user.uid, user.gid)) throw base::Error::sys("chown", shown);
  give_away_below(directory, user, shown);
}

Volumes::Volumes(const std::vector<VolumeMount>& volumes, const runtime::User& user,
                 store::Store& store) {
  for (const VolumeMount& volume : volumes) {
    if (volume.change_owner) give_away_all(std::filesystem::canonical(volume.host), user);
    if (volume.discard_changes) {
      add_overlay(volume, store);
      continue;
    }
    base::UniqueFd source(::open(volume.host.c_str(), O_PATH | O_CLOEXEC));
    if (!source) throw base::Error::sys("open", volume.host.string());
    mounts_.emplace_back(runtime::BindMount{.target = volume.container,
                                            .source_fd = source.get(),
                                            .read_only = volume.read_only,
                                            .recursive = volume.recursive,
                                            .nosuid = volume.nosuid,
                                            .nodev = !volume.dev && !volume.is_device,
                                            .noexec = volume.noexec});
    descriptors_.push_back(std::move(source));
  }
}

void Volumes::add_overlay(const VolumeMount& volume, store::Store& store) {
  std::error_code error;
  const std::filesystem::path host = std::filesystem::canonical(volume.host, error);
  if (error) throw base::Error::sys("open", volume.host.string(), error.value());
  if (!std::filesystem::is_directory(host)) {
    throw base::Error("the volume option O needs a directory: {}", host.string());
  }
  runtime::OverlayView view;
  view.target = volume.container;
  view.nosuid = volume.nosuid;
  view.noexec = volume.noexec;
  view.lower.push_back(host);
  store::ActiveTree& writes = discarded_.emplace_back(store.new_tree());
  layers::prepare_upper(view.lower, writes.fs());
  view.upper = writes.fs();
  view.work = writes.work();
  mounts_.emplace_back(std::move(view));
}

}  // namespace bld::builder
