#include "layers/seal.h"

#include <algorithm>

#include "layers/background.h"
#include "layers/tar_writer.h"
#include "layers/tree_walk.h"

namespace bld::layers {

bool root_differs(const FileEntry& root, const FileEntry& below) {
  return root.mode != below.mode || root.uid != below.uid || root.gid != below.gid || root.opaque ||
         root.xattrs != below.xattrs;
}

std::int64_t sealed_mtime(std::int64_t mtime, const SealOptions& options) {
  if (options.set_mtime) return *options.set_mtime;
  return options.max_mtime ? std::min(mtime, *options.max_mtime) : mtime;
}

SealedLayer seal(const base::RootedDir& tree, const SealOptions& options, base::ByteSink* also) {
  BackgroundSha256 hash;
  TarSink sink(hash, also);
  TarWriter tar(sink);
  TreeWalk walk(tree);
  FileEntry changed;
  while (const WalkedFile* file = walk.next()) {
    const FileEntry* entry = &file->entry;
    if (entry->path.empty() &&
        (!options.parent_root || !root_differs(*entry, *options.parent_root))) {
      continue;
    }
    const std::int64_t mtime = sealed_mtime(entry->mtime_sec, options);
    if (mtime != entry->mtime_sec) {
      changed = *entry;
      changed.mtime_sec = mtime;
      entry = &changed;
    }
    if (file->fd >= 0) {
      FileContent content(file->fd, entry->size, file->sparse);
      tar.add(*entry, &content);
    } else {
      tar.add(*entry, nullptr);
    }
  }
  tar.finish();
  return {image::DiffId{image::Digest::from_sha256(hash.finish())}, tar.size_bytes(),
          tar.entry_count()};
}

}  // namespace bld::layers
