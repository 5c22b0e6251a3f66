#include "layers/apply.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/owner_record.h"
#include "layers/background.h"
#include "layers/compression.h"
#include "layers/dir_stack.h"
#include "layers/tree_walk.h"
#include "layers/tree_writer.h"
#include "layers/whiteout.h"

namespace bld::layers {

namespace {

using base::Error;
using Type = FileEntry::Type;

// The directory as the uppermost of the trees shows it. What else has the name there ends the
// search: it hides what is below.
std::optional<FileEntry> look_below(const std::vector<const base::RootedDir*>& parents,
                                    const std::string& path) {
  for (const base::RootedDir* parent : parents) {
    const base::UniqueFd fd(open_beneath(parent->fd(), path, O_PATH | O_NOFOLLOW));
    if (!fd) {
      if (errno == ENOENT) continue;
      return std::nullopt;
    }
    struct stat status;
    if (::fstat(fd.get(), &status) != 0) throw Error::sys("fstat", "");
    base::amend_fd(fd.get(), status);
    if (!S_ISDIR(status.st_mode)) return std::nullopt;
    FileEntry look;
    look.mode = status.st_mode & 07777;
    look.uid = status.st_uid;
    look.gid = status.st_gid;
    look.mtime_sec = status.st_mtim.tv_sec;
    look.mtime_nsec = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
    return look;
  }
  return std::nullopt;
}

FileEntry inherited_root(const std::vector<const base::RootedDir*>& parents) {
  FileEntry root;
  root.type = Type::kDirectory;
  root.mode = 0755;
  if (!parents.empty()) root = root_entry(*parents.front());
  root.opaque = false;
  return root;
}

// In a layer a name may mean a whiteout; only what is no directory can.
void add_to(TreeWriter& tree, FileEntry entry, base::ByteSource& content, AppliedLayer& result) {
  if (entry.type != Type::kDirectory) {
    WhiteoutName name = parse_whiteout(entry.path);
    if (name.kind == WhiteoutName::Kind::kOpaque) {
      tree.set_opaque(name.path);
      return;
    }
    if (name.kind == WhiteoutName::Kind::kWhiteout) {
      entry = FileEntry();
      entry.path = std::move(name.path);
      entry.type = Type::kWhiteout;
    }
  }
  if (!tree.add(entry, &content)) ++result.skipped_devices;
}

}  // namespace

AppliedLayer apply(base::ByteSource& blob, const base::RootedDir& target,
                   const ApplyOptions& options) {
  const std::unique_ptr<base::ByteSource> plain = decompress(blob);
  ReadAhead ahead(*plain);
  HashingSource tar(ahead);
  TarReader reader(tar, options.limits);
  TreeWriter tree(target, {options.reserve_bytes, [&](const std::string& path) {
                             return look_below(options.parents, path);
                           }});
  AppliedLayer result;
  tree.add(inherited_root(options.parents), nullptr);
  while (const FileEntry* entry = reader.next()) {
    add_to(tree, *entry, reader.content(), result);
    ++result.entry_count;
  }
  tree.finish();
  result.diff_id = {image::Digest::from_sha256(tar.finish())};
  result.tar_size = tar.size_bytes();
  result.implied_parents = tree.implied_directories() > 0;
  if (options.expected_diff_id && result.diff_id != *options.expected_diff_id) {
    throw Error("the layer's contents are {}, not {} as its image says",
                result.diff_id.digest.str(), options.expected_diff_id->digest.str());
  }
  return result;
}

}  // namespace bld::layers
