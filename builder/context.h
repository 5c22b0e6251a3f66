// The files that the user offers to a build, and what is remembered about their contents.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/mutex.h"
#include "base/rooted_dir.h"
#include "dockerfile/ignore_file.h"
#include "store/store.h"

namespace bld::builder {

// SHA-256 of files' contents, remembered in the store by (device, inode, size, mtime, ctime), so
// that an unchanged file is not read again. A file that changed so recently that a later change
// could go unnoticed is not remembered (git's racy-clean rule). Any thread.
class FileDigests {
 public:
  explicit FileDigests(store::Store& store) : store_(store) {}

  // `open` is called only when the contents have to be read.
  base::Sha256Value of(const struct stat& status, const base::RootedDir& root,
                       const std::string& path);

  // Digests of many files at once: one look-up in the store, the rest read by several threads.
  struct Request {
    struct stat status;
    std::string path;
  };

  std::vector<base::Sha256Value> of_all(const base::RootedDir& root,
                                        const std::vector<Request>& files);
  // Writes what was learnt to the store, in one transaction.
  void save();

 private:
  store::Store& store_;
  base::Mutex mutex_;
  std::vector<store::FileDigest> learnt_ GUARDED_BY(mutex_);
};

// A build context on disk: the main one or a named one.
class Context {
 public:
  // `ignore_file` wins over the ones found: NAME.containerignore or NAME.dockerignore beside the
  // Containerfile, then .containerignore, then .dockerignore in the root.
  static Context open(const std::filesystem::path& directory,
                      const std::optional<std::filesystem::path>& ignore_file,
                      const std::filesystem::path& containerfile);

  const base::RootedDir& root() const { return root_; }

  const dockerfile::IgnoreFile& ignore() const { return ignore_; }

 private:
  Context(base::RootedDir root, dockerfile::IgnoreFile ignore)
      : root_(std::move(root)), ignore_(std::move(ignore)) {}

  base::RootedDir root_;
  dockerfile::IgnoreFile ignore_;
};

}  // namespace bld::builder
