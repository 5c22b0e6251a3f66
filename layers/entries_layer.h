// A layer made straight from a list of entries, as a blob or as a tree: what COPY makes.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <variant>

#include "base/byte_stream.h"
#include "base/rooted_dir.h"
#include "base/unique_fd.h"
#include "layers/file_entry.h"
#include "layers/seal.h"

namespace bld::layers {

// Opens a regular file for reading at its beginning. Called by any thread, for each writing.
using ContentOpener = std::function<base::UniqueFd()>;

struct SourcedEntry {
  FileEntry entry;
  // For a kFile: where its contents are, or the contents themselves. Nothing: empty.
  std::variant<std::monostate, ContentOpener, std::string> content;
};

// A list is in tree order, has each path once, and has all directories above each of its entries;
// hard links name a file that comes earlier. Anything else is an Error. An entry "" says what the
// root of the layer looks like, and only then does the tar mention it.
//
// A file whose contents are not entry.size bytes long is an Error: it changed since it was listed.

// The tar of the list: hashed, and written to `sink` (if any) by the calling thread. The same
// diffID as seal() of the tree that write_entries_as_tree() makes of it (with a parent_root that
// differs from the entry "" exactly if there is one).
SealedLayer write_entries_as_tar(std::span<const SourcedEntry> entries, base::ByteSink* sink);

// The list as a tree in overlay format in `target`, an empty directory, by `threads` threads
// (0: as many as processors). Contents are shared with the source where the file system can.
// Nothing is synced. After a failure the target holds a part.
void write_entries_as_tree(std::span<const SourcedEntry> entries, const base::RootedDir& target,
                           unsigned threads = 0);

// The list upon files that are there already, in `target` (a mounted root file system): a file
// replaces what has its name, a directory that exists stays and becomes as listed. The same else.
void write_entries_upon(std::span<const SourcedEntry> entries, const base::RootedDir& target);

}  // namespace bld::layers
