// The tar around an image: reading one from anywhere, writing one beside the file it replaces.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "base/rooted_dir.h"
#include "base/unique_fd.h"
#include "layers/file_entry.h"

namespace bld::registry {

// Calls `visit` for each entry in the archive's order. Content that is not read is skipped.
using VisitEntry = std::function<void(const layers::FileEntry& entry, base::ByteSource& content)>;
void read_archive(const std::filesystem::path& file, const VisitEntry& visit);

// Writes the content of a regular file into the new file `path` of `root`, and into `also` if it is
// not null. What the disk has no room for is refused before it is read.
void unpack_file(const base::RootedDir& root, const std::string& path,
                 const layers::FileEntry& entry, base::ByteSource& content, base::ByteSink* also);

// The path that means our own standard output, wherever it leads.
inline constexpr std::string_view kStandardOutput = "/dev/stdout";

// A file that is there under its name when publish() returned, or never. One thread.
class OutputFile {
 public:
  explicit OutputFile(std::filesystem::path file);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  base::ByteSink& sink() { return *sink_; }

  void publish();

 private:
  std::filesystem::path file_;
  std::filesystem::path beside_;  // empty: written straight, or published
  base::UniqueFd fd_;
  std::optional<base::FdSink> sink_;
};

}  // namespace bld::registry
