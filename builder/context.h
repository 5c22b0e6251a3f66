// The files that the user offers to a build, and what is remembered about their contents.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/mutex.h"
#include "base/rooted_dir.h"
#include "dockerfile/ignore_file.h"
#include "store/store.h"

namespace bld::builder {

// A regular file whose contents are asked for, as a walk found it.
struct ContentRequest {
  struct stat status;
  std::string path;  // below the root, no component of it a link
};

// The SHA-256 of each file's contents, read by several threads. A file with extended attributes
// that belong to a layer has another one, which also covers these.
std::vector<base::Sha256Value> read_digests(const base::RootedDir& root,
                                            const std::vector<ContentRequest>& files);

// What read_digests() says, remembered in the store by (device, inode, size, mtime, ctime), so that
// an unchanged file is not read again. A file that changed so recently that a later change could go
// unnoticed is not remembered (git's racy-clean rule). Any thread.
class FileDigests {
 public:
  explicit FileDigests(store::Store& store) : store_(store) {}

  // One look-up in the store; the rest is read.
  std::vector<base::Sha256Value> of_all(const base::RootedDir& root,
                                        const std::vector<ContentRequest>& files);
  // Writes what was learnt to the store, in one transaction.
  void save();

 private:
  store::Store& store_;
  base::Mutex mutex_;
  std::map<store::FileStamp, base::Sha256Value> learnt_ GUARDED_BY(mutex_);
};

// What the path of a Containerfile means: one of this machine, or one below the context's root.
enum class PathKind { kOfMachine, kInContext };

// A build context on disk: the main one or a named one.
class Context {
 public:
  // `ignore_file` wins over the ones found: NAME.containerignore or NAME.dockerignore beside the
  // Containerfile (if one is given), then .containerignore, then .dockerignore in the root.
  static Context open(const std::filesystem::path& directory,
                      const std::optional<std::filesystem::path>& ignore_file,
                      const std::filesystem::path& containerfile,
                      PathKind containerfile_path = PathKind::kOfMachine);

  const base::RootedDir& root() const { return root_; }

  const dockerfile::IgnoreFile& ignore() const { return ignore_; }

 private:
  Context(base::RootedDir root, dockerfile::IgnoreFile ignore)
      : root_(std::move(root)), ignore_(std::move(ignore)) {}

  base::RootedDir root_;
  dockerfile::IgnoreFile ignore_;
};

}  // namespace bld::builder
