// A directory tree in overlay format as a stream of entries.
//
// Overlay format: a whiteout is a character device 0/0, an opaque directory has the xattr
// user.overlay.opaque (or trusted.overlay.opaque) "y". Neither is shown as what it is made of, nor
// are the marks of file_writer.h.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/byte_stream.h"
#include "base/rooted_dir.h"
#include "layers/file_entry.h"

namespace bld::layers {

// The descriptors are the walk's, and valid until the next next().
struct WalkedFile {
  FileEntry entry;
  int fd = -1;          // of a kFile, open for reading at 0
  bool sparse = false;  // the kFile has holes
  int parent_fd = -1;   // of the directory that it is in; -1 for the root
  std::string name;     // there
  std::uint64_t device = 0, inode = 0, links = 0;
};

// Goes through the whole tree in tree order, the root ("") first. Of several names of one inode the
// first is the file and the others are hard links to it. Sockets are left out. The tree must not
// change meanwhile. Works by descriptors, few at a time, at any depth and for any name; memory
// grows with hard-linked inodes and with the widest directories on one path only.
class TreeWalk {
 public:
  explicit TreeWalk(const base::RootedDir& tree);
  ~TreeWalk();
  TreeWalk(const TreeWalk&) = delete;
  TreeWalk& operator=(const TreeWalk&) = delete;

  // Null at the end. What it points to is the walk's and changes with the next call.
  const WalkedFile* next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The entry of the directory itself, with path "".
FileEntry root_entry(const base::RootedDir& tree);

// The entry of a file that is no directory, without contents and attributes; `path` is its name.
FileEntry entry_of(const base::RootedDir& directory, const std::string& name,
                   const struct stat& status);

// What an open file, or a link in an open directory, shows to a walk.
std::map<std::string, std::string> layer_xattrs(int fd);
std::string link_text(int directory, const std::string& name);

// What is in a regular file from its beginning; holes are zeros that nobody reads from the disk.
class FileContent : public base::ByteSource {
 public:
  FileContent(int fd, std::uint64_t size, bool sparse) : fd_(fd), size_(size), sparse_(sparse) {}

  std::size_t read(std::span<std::byte> buffer) override;

 private:
  void find_data();

  int fd_;
  std::uint64_t size_;
  bool sparse_;
  std::uint64_t offset_ = 0;
  std::uint64_t data_begin_ = 0, data_end_ = 0;  // the run of data that was found last
};

}  // namespace bld::layers
