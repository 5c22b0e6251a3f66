// COPY and ADD: which files are meant, and where they go.
//
// Two halves. select() looks only at the sources: its digest is part of the step's key, so that it
// is known before anything runs. place() looks at the destination and gives the new layer as a
// list of entries; layers/ writes that list as a tree or as a blob.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/rooted_dir.h"
#include "builder/context.h"
#include "builder/existing_files.h"
#include "layers/entries_layer.h"

namespace bld::builder {

enum class CopyKind { kCopy, kAdd };

// A heredoc as a source.
struct InlineFile {
  std::string name;
  std::string content;
};

// Where the words of the instruction are, for errors. Of ONBUILD triggers there is nothing.
struct CopyPlaces {
  std::vector<base::SourcePosition> sources;  // as many as there are sources, or none
  std::optional<base::SourcePosition> chown, chmod;
};

// The instruction with all variables expanded: data, part of the step's definition key.
struct CopyOperation {
  CopyKind kind = CopyKind::kCopy;
  // In the order of the Containerfile: a path or pattern (for ADD also a URL), or an inline file.
  std::vector<std::variant<std::string, InlineFile>> sources;
  std::string destination;  // absolute (WORKDIR applied), not cleaned: a trailing '/' has a meaning
  std::string chown;        // "" or user[:group]
  std::string chmod;        // "" or octal or symbolic
  bool link = false;
  bool parents = false;
  std::vector<std::string> excludes;
  std::string checksum;
  bool keep_git_dir = false;
  std::optional<bool> unpack;
  // Several sources make a folder of a destination that is not there. No step of a build has it.
  bool makes_folder = false;

  CopyPlaces places = {};  // decides nothing

  // Every field that decides the result, in one stable text for the key.
  std::string normal_form() const;
};

// A remote source that fetch_remote() in add_remote.h brought here.
struct FetchedSource {
  std::shared_ptr<const base::RootedDir> root;  // the directory it lies in
  std::string path;                             // there: a file, or a folder ("" is `root` itself)
  std::string name;  // what the file is called in a destination folder; empty: it has no name
};

// Whose the copies are where the operation does not say it.
enum class SourceOwners {
  kRoot,  // of files outside of images, whose owners mean nothing inside
  kKept,  // of files of an image or a stage
};

// What a pattern is that matches nothing.
enum class NoMatch {
  kNothing,  // no source, as in a Containerfile
  kError,    // a source that is not there, as for Buildah's scripts
};

// A file system that sources come from. `root` outlives the selection and everything made of it.
struct SourceRoot {
  const base::RootedDir* root = nullptr;           // null: only heredocs and remote sources
  const dockerfile::IgnoreFile* ignore = nullptr;  // null: nothing is hidden
  FileDigests* digests = nullptr;                  // null: contents are read each time
  std::vector<FetchedSource> fetched = {};  // for each remote source of the operation, in its order
  SourceOwners owners = SourceOwners::kRoot;  // of what lies in `root`
  NoMatch no_match = NoMatch::kNothing;
};

// The files that the sources of one operation mean. A value; what it refers to is shared.
class Selection {
 public:
  struct Item;  // one matched source with everything below it

  // Of names, types, modes, link targets, extended attributes, contents, and owners where they are
  // kept; not of times.
  const base::Sha256Value& digest() const { return digest_; }

  const std::vector<std::shared_ptr<const Item>>& items() const { return items_; }

 private:
  friend Selection select(const CopyOperation&, const SourceRoot&);
  std::vector<std::shared_ptr<const Item>> items_;
  base::Sha256Value digest_{};
};

// Whether a source of ADD is a URL or a git repository: what fetch_remote() is for.
bool is_remote(const CopyOperation& operation, std::string_view source);

// A missing source, or one that the ignore file hides, is an Error that names it.
Selection select(const CopyOperation& operation, const SourceRoot& sources);

// The layer that the copy makes upon `destination`, the root file system that the step stands on
// (also read for --chown names): new files and folders, and the folders above them as they are
// there, without the root itself. In tree order; empty where nothing was selected. Throws for the
// clashes that the language forbids.
// Archives are unpacked below `scratch`, an empty directory, which outlives the entries; for the
// owners to be right its user namespace must map those of the archive.
std::vector<layers::SourcedEntry> place(const CopyOperation& operation, const Selection& selection,
                                        const ExistingFiles& destination,
                                        const base::RootedDir& scratch);

}  // namespace bld::builder
