// The one tar that bld writes: ustar headers, pax records only where a header cannot say it. The
// same entries give the same bytes on every machine.
//
// Times are whole seconds, names of users are left out, directories end in '/', names have no "./"
// in front. A whiteout is an empty file .wh.NAME; an opaque directory is followed by .wh..wh..opq.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "layers/file_entry.h"

namespace bld::layers {

class TarWriter {
 public:
  explicit TarWriter(base::ByteSink& sink);

  // `content` must give exactly entry.size bytes; null when that is 0. The entry "" is written as
  // "./". The order of entries is the caller's. A name that begins with .wh. is an Error: it would
  // mean a whiteout to every reader.
  void add(const FileEntry& entry, base::ByteSource* content);

  // Two empty blocks, and everything is with the sink.
  void finish();

  std::uint64_t size_bytes() const { return size_; }  // so far

  std::uint64_t entry_count() const { return entries_; }

 private:
  void add_header(const FileEntry& entry);
  void add_pax_header(const std::map<std::string, std::string>& records);
  void append(base::Bytes bytes);
  void append_zeros(std::size_t count);
  void append_content(const FileEntry& entry, base::ByteSource* content);
  void flush();

  base::ByteSink& sink_;
  std::vector<std::byte> buffer_;
  std::size_t used_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t entries_ = 0;
};

}  // namespace bld::layers
