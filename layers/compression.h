// gzip and zstd as streams.
#pragma once

#include <memory>

#include "base/byte_stream.h"

namespace bld::layers {

enum class Compression { kNone, kGzip, kZstd };

// By the magic number at the front of a blob; 4 bytes are enough.
Compression detect_compression(base::Bytes head);

// `compressed` outlives the result. What is behind the last gzip member or zstd frame, a missing
// end, a wrong checksum, and a zstd window above 128 MiB are Errors of read(). After read() gave 0
// the input has been read to its end.
std::unique_ptr<base::ByteSource> decompress(base::ByteSource& compressed);  // kind by magic
std::unique_ptr<base::ByteSource> decompress(base::ByteSource& compressed, Compression kind);

struct CompressOptions {
  Compression compression = Compression::kGzip;
  int level = 0;         // 0: the usual one (gzip 4, zstd 3)
  unsigned threads = 0;  // 0: as many as processors; the output is the same for any number
};

// A sink whose bytes come out compressed at the sink behind it, which is called by the thread that
// writes. The output depends on bytes and level only, not on how they were cut into writes. Memory
// is bounded by a few MiB a thread.
class Compressor : public base::ByteSink {
 public:
  virtual void finish() = 0;  // to be called once, at the end; without it the output is worthless
};

std::unique_ptr<Compressor> compress(base::ByteSink& out, const CompressOptions& options);

}  // namespace bld::layers
