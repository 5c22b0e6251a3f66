// What select() hands to place(): each matched source with everything below it.
#pragma once

#include <sys/stat.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/rooted_dir.h"
#include "builder/context.h"
#include "builder/copy_step.h"
#include "dockerfile/ignore_file.h"

namespace bld::builder {

struct SourceFile {
  std::string path;  // below the item's base; "" is the base itself
  struct stat status;
  std::string link;                           // a symlink's text
  std::map<std::string, std::string> xattrs;  // of a folder; those of files are read by place()
};

struct Selection::Item {
  enum class Kind {
    kFile,     // `files` is it alone
    kFolder,   // `files` are what is in it, in tree order
    kArchive,  // a file to be unpacked
    kInline,   // a heredoc: `name` and `content`
  };

  Kind kind = Kind::kFile;
  SourceOwners owners = SourceOwners::kRoot;
  std::shared_ptr<const base::RootedDir> root;  // may be one that the item does not own
  std::string base;                             // below `root`; no component of it is a link
  std::string name;                             // what a file is called in a destination folder
  std::string prefix;  // --parents: the folders of the destination that it goes into
  std::vector<SourceFile> kept_folders;  // --parents: these folders; `path` is in the destination
  std::vector<SourceFile> files;
  std::string content;

  std::string path_of(const SourceFile& file) const;  // below `root`
};

std::string join_paths(std::string_view folder, std::string_view name);

// The pattern that only this path matches: what a command line names is a file before it is a
// pattern.
std::string literal_pattern(std::string_view path);

// What a walk leaves out. Null: nothing.
struct WalkFilter {
  const dockerfile::IgnoreFile* ignore = nullptr;  // of paths below the root
  const dockerfile::IgnoreFile* exclude = nullptr;
  std::string exclude_prefix = {};  // goes in front of paths below the base for `exclude`
};

// All that is in the folder `base` of `root`, in tree order and without sockets. A folder that is
// left out is still there when something in it is not. Opens folders, and no files.
std::vector<SourceFile> walk_folder(const base::RootedDir& root, const std::string& base,
                                    const WalkFilter& filter);

}  // namespace bld::builder
