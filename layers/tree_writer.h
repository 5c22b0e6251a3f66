// Entries in any order, from anywhere, as files below one directory: what apply() and
// extract_archive() share. Goes down by single components that are no links, so nothing leaves the
// root, whatever the entries say.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/rooted_dir.h"
#include "layers/dir_stack.h"
#include "layers/file_entry.h"

namespace bld::layers {

struct TreeWriterOptions {
  std::uint64_t reserve_bytes = 64 << 20;  // what must stay free
  // How a directory looks that no entry mentions; asked once for each. Without: 0755, root's.
  std::function<std::optional<FileEntry>(const std::string& path)> implied_directory;
  bool keep_devices = false;  // where they are recorded: base/owner_record.h
};

class TreeWriter {
 public:
  TreeWriter(const base::RootedDir& root, TreeWriterOptions options);

  // Makes the entry; what has its name is replaced, but a directory stays under a directory.
  // `content` gives entry.size bytes. Devices are not made: false. A whiteout removes nothing: what
  // was put there before stays, a directory becoming opaque.
  bool add(const FileEntry& entry, base::ByteSource* content);

  // What is in the directory of the layers below is hidden. Makes the directory if need be.
  void set_opaque(const std::string& directory);

  // The directory, open until the next call of anything; what is put into it by hand changes no
  // times. Missing ones are made.
  int go_to(const std::string& directory);

  // Directories get their times back that changed because of what was put into them.
  void finish();

  std::uint64_t implied_directories() const { return implied_; }

 private:
  // What the directories from the root to the current one are to look like in the end.
  struct Level {
    std::string name;
    std::int64_t mtime_sec;
    std::uint32_t mtime_nsec;
  };

  void leave();
  void enter(const std::string& name, const std::string& path);
  void make_implied(const std::string& name, const std::string& path);
  void add_root(const FileEntry& entry);
  void add_directory(const std::string& name, const FileEntry& entry);
  void add_file(const std::string& name, const FileEntry& entry, base::ByteSource* content);
  void add_hard_link(const std::string& name, const FileEntry& entry);
  void add_whiteout(const std::string& name, const FileEntry& entry);
  void write_content(int fd, const FileEntry& entry, base::ByteSource& content);
  void need_space(std::uint64_t bytes);

  TreeWriterOptions options_;
  DirStack dirs_;
  int root_;
  std::vector<Level> levels_;  // as many as dirs_ is deep, and the root's in front
  std::uint64_t implied_ = 0;
  std::uint64_t known_free_ = 0;  // bytes that may be written before the next look
  std::vector<std::byte> buffer_;
};

}  // namespace bld::layers
