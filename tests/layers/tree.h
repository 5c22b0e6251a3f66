// Small trees for the tests of layers/, made and listed by plain system calls.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>
#include <vector>

#include "base/rooted_dir.h"
#include "layers/apply.h"
#include "layers/compression.h"
#include "layers/seal.h"
#include "layers/tree_walk.h"
#include "tests/support/temp_dir.h"

namespace bld::layers {

// A directory below the test's own one.
struct TestTree {
  TestTree(const test::TempDir& temp, const std::string& name)
      : path((std::filesystem::create_directory(temp / name), temp / name)),
        root(base::RootedDir::open(path)) {}

  std::filesystem::path operator/(const std::string& name) const { return path / name; }

  void file(const std::string& name, const std::string& text, mode_t mode = 0644,
            std::time_t mtime = 1'700'000'000) const {
    std::filesystem::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << text;
    ::chmod((path / name).c_str(), mode);
    touch(name, mtime);
  }

  void dir(const std::string& name, mode_t mode = 0755) const {
    std::filesystem::create_directories(path / name);
    ::chmod((path / name).c_str(), mode);
  }

  void whiteout(const std::string& name) const {
    ::mknod((path / name).c_str(), S_IFCHR, ::makedev(0, 0));
  }

  void opaque(const std::string& name) const {
    ::setxattr((path / name).c_str(), "user.overlay.opaque", "y", 1, 0);
  }

  void touch(const std::string& name, std::time_t mtime) const {
    const struct timespec times[2] = {{mtime, 0}, {mtime, 0}};
    ::utimensat(AT_FDCWD, (path / name).c_str(), times, AT_SYMLINK_NOFOLLOW);
  }

  std::string read(const std::string& name) const {
    std::ifstream in(path / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  bool has(const std::string& name) const {
    struct stat status;
    return ::lstat((path / name).c_str(), &status) == 0;
  }

  struct stat status(const std::string& name) const {
    struct stat status = {};
    ::lstat((path / name).c_str(), &status);
    return status;
  }

  std::vector<FileEntry> entries() const {
    std::vector<FileEntry> all;
    TreeWalk walk(root);
    while (const WalkedFile* file = walk.next()) all.push_back(file->entry);
    return all;
  }

  // Without what a tar leaves out: fractions of seconds, and the root's own look.
  std::vector<FileEntry> entries_in_seconds() const {
    std::vector<FileEntry> all = entries();
    all.erase(all.begin());
    for (FileEntry& entry : all) entry.mtime_nsec = 0;
    return all;
  }

  std::vector<std::string> paths() const {
    std::vector<std::string> all;
    for (const FileEntry& entry : entries()) all.push_back(entry.path);
    return all;
  }

  std::string tar(const SealOptions& options = {}) const {
    base::StringSink sink;
    seal(root, options, &sink);
    return std::move(sink.text);
  }

  AppliedLayer apply(const std::string& blob, const ApplyOptions& options = {}) const {
    base::MemorySource source(blob);
    return layers::apply(source, root, options);
  }

  std::filesystem::path path;
  base::RootedDir root;
};

// How a test shows an entry that it did not expect.
inline void PrintTo(const FileEntry& entry, std::ostream* out) {
  *out << entry.path << " type " << static_cast<int>(entry.type) << " mode " << std::oct
       << entry.mode << std::dec << " owner " << entry.uid << ":" << entry.gid << " mtime "
       << entry.mtime_sec << " size " << entry.size << " link " << entry.link;
}

}  // namespace bld::layers
