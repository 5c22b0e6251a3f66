#include "builder/export_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/text.h"
#include "layers/tar_writer.h"
#include "layers/tree_walk.h"
#include "layers/tree_writer.h"

namespace bld::builder {

namespace {

using Type = layers::FileEntry::Type;

// Calls `visit` with each file as it is to be outside.
template <typename Visit>
void for_each_file(const base::RootedDir& files, const TimeOf& time_of, const std::stop_token& stop,
                   Visit visit) {
  layers::TreeWalk walk(files);
  while (const layers::WalkedFile* file = walk.next()) {
    if (stop.stop_requested()) throw base::Error("the export was canceled");
    layers::FileEntry entry = file->entry;
    // One tree alone is seen as it is: what it hides there is nothing to hide.
    if (entry.path.empty() || entry.type == Type::kWhiteout) continue;
    entry.opaque = false;
    entry.mtime_sec = time_of(entry.path, entry.mtime_sec);
    entry.mtime_nsec = 0;
    layers::FileContent content(file->fd, entry.size, file->sparse);
    visit(entry, file->fd < 0 ? nullptr : &content);
  }
}

}  // namespace

void export_tar(const base::RootedDir& files, const TimeOf& time_of, base::ByteSink& sink,
                const std::stop_token& stop) {
  layers::TarWriter tar(sink);
  for_each_file(
      files, time_of, stop,
      [&](const layers::FileEntry& entry, base::ByteSource* content) { tar.add(entry, content); });
  tar.finish();
}

void export_directory(const base::RootedDir& files, const TimeOf& time_of, FileOwners owners,
                      const base::RootedDir& target, const std::stop_token& stop) {
  layers::TreeWriter writer(target, {});
  for_each_file(files, time_of, stop, [&](layers::FileEntry& entry, base::ByteSource* content) {
    if (owners == FileOwners::kCaller) {
      // Our root is the user who called.
      entry.uid = 0;
      entry.gid = 0;
    }
    writer.add(entry, content);
  });
  writer.finish();
  // The directory changed, which its time is to show.
  if (::utimensat(target.fd(), ".", nullptr, 0) != 0) throw base::Error::sys("utimensat", ".");
}

}  // namespace bld::builder
