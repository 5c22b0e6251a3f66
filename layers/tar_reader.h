// Any tar that exists (v7, ustar, pax, GNU; sparse files too) as entries with their contents.
// Hostile input gives an Error, never more than bounded memory.
//
// Names are bytes here: archives hold UTF-8, other charsets and damaged text, and all of it must
// come out as it went in, in any locale. (libarchive converts pax names through the locale, which
// is why it does not do this job.)
#pragma once

#include <cstdint>
#include <memory>

#include "base/byte_stream.h"
#include "layers/file_entry.h"

namespace bld::layers {

// What no sane archive exceeds.
struct TarLimits {
  std::uint64_t header_bytes = 1 << 20;  // of one entry, with its extended headers
  std::uint64_t entries = 10'000'000;
  std::size_t depth = 4096;            // components of a path
  std::size_t component_bytes = 255;   // what a Linux file system can hold
  std::size_t xattr_bytes = 64 << 10;  // one value
};

// Entries as the archive has them: names are cleaned of slashes in front and at the end, double
// slashes and "."; one with ".." is an Error. Names of hard links' targets likewise. Names that
// begin with .wh. are plain files here (whiteout.h gives them their meaning).
class TarReader {
 public:
  // `tar` is uncompressed, outlives the reader, and is read to its end by the last next().
  explicit TarReader(base::ByteSource& tar, const TarLimits& limits = {});
  ~TarReader();
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  // Null at the end of the archive; an archive without its end mark is an Error. So is an entry of
  // a kind that no file system has (unknown type, part of a multi-volume archive).
  const FileEntry* next();

  // Of the current entry. Gives exactly entry.size bytes, holes as zeros.
  base::ByteSource& content();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Whether the 512 bytes are the header of a tar entry.
bool is_tar_header(base::Bytes block);

}  // namespace bld::layers
