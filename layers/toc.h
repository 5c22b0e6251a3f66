// The table of contents of a layer: what a tree of it would show, without the files.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "layers/compression.h"
#include "layers/file_entry.h"

namespace bld::layers {

// Whether the contents of a file are kept too: those of the users and groups of an image.
bool is_kept_in_toc(const FileEntry& entry);

// Writes one in the order of the layer's tar. Needs no memory for it.
class TocWriter {
 public:
  explicit TocWriter(base::ByteSink& sink);

  // An entry as TarReader gives it: names of whiteouts have no meaning yet. `text` where
  // is_kept_in_toc().
  void add_from_tar(const FileEntry& entry, std::string_view text = {});
  // An entry as TarWriter takes it; without a text that is kept, readers know that they lack it.
  void add(const FileEntry& entry, std::string_view text = {});
  void finish();

 private:
  void add_record(char kind, const FileEntry& entry, std::string_view text);
  void flush();

  std::unique_ptr<Compressor> compressor_;
  std::string buffer_;
};

class Toc {
 public:
  static constexpr std::size_t kMostEntries = 500'000;

  // What TocWriter wrote, or an Error. The rules by which entries replace each other are those of
  // TreeWriter.
  static Toc read(base::ByteSource& source);

  // What the layer says about a path.
  struct Look {
    enum class Kind {
      kNothing,
      kHidden,   // nothing of lower layers shows there either
      kImplied,  // a directory that only things below it tell of: it looks as in lower layers
      kShown,
    };
    Kind kind = Kind::kNothing;
    FileEntry entry;           // of kShown; a hard link is the file itself
    bool hides_lower = false;  // lower layers have no say about the path, whatever the kind
  };

  Look look(const std::string& path) const;

  // The contents of a file that were kept; null: they were not.
  const std::string* text(const std::string& path) const;

 private:
  struct PathOrder {
    bool operator()(const std::string& a, const std::string& b) const {
      return compare_paths(a, b) < 0;
    }
  };

  struct Node {
    FileEntry entry;
    bool implied = false;  // a directory that is not mentioned, but opaque
  };

  using Nodes = std::map<std::string, Node, PathOrder>;

  void add(FileEntry entry, std::string text);
  void add_hard_link(FileEntry entry);
  void set_opaque(const std::string& directory);
  void make_way(const std::string& path);
  bool has_below(const std::string& path) const;
  void erase_with_below(const std::string& path);

  Nodes nodes_;
  std::map<std::string, std::string> texts_;
};

}  // namespace bld::layers
