#include "layers/compression.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <future>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/thread_pool.h"
#include "layers/gzip.h"
#include "layers/zstd.h"

namespace bld::layers {

namespace {

using base::Bytes;
using base::Error;

constexpr std::size_t kMagicBytes = 4;
constexpr unsigned kMaxThreads = 16;

// What was read to look at it, then the rest.
class WithHead : public base::ByteSource {
 public:
  explicit WithHead(base::ByteSource& source) : source_(source) {
    while (size_ < head_.size()) {
      const std::size_t count = source_.read(std::span(head_).subspan(size_));
      if (count == 0) break;
      size_ += count;
    }
  }

  Bytes head() const { return Bytes(head_).first(size_); }

  std::size_t read(std::span<std::byte> buffer) override {
    if (position_ == size_) return source_.read(buffer);
    const std::size_t count = std::min(buffer.size(), size_ - position_);
    std::memcpy(buffer.data(), head_.data() + position_, count);
    position_ += count;
    return count;
  }

 private:
  base::ByteSource& source_;
  std::array<std::byte, kMagicBytes> head_{};
  std::size_t size_ = 0, position_ = 0;
};

class Unchanged : public base::ByteSource {
 public:
  explicit Unchanged(base::ByteSource& source) : source_(source) {}

  std::size_t read(std::span<std::byte> buffer) override { return source_.read(buffer); }

 private:
  base::ByteSource& source_;
};

class Detecting : public base::ByteSource {
 public:
  explicit Detecting(base::ByteSource& compressed)
      : all_(compressed), plain_(decompress(all_, detect_compression(all_.head()))) {}

  std::size_t read(std::span<std::byte> buffer) override { return plain_->read(buffer); }

 private:
  WithHead all_;
  std::unique_ptr<base::ByteSource> plain_;
};

class Uncompressed : public Compressor {
 public:
  explicit Uncompressed(base::ByteSink& out) : out_(out) {}

  void write(Bytes bytes) override { out_.write(bytes); }

  void finish() override {}

 private:
  base::ByteSink& out_;
};

using CompressBlock = std::vector<std::byte> (*)(Bytes bytes, int level);

// Cuts the input into blocks of one size, which become members or frames of their own: so any
// number of threads makes the same bytes.
class BlockCompressor : public Compressor {
 public:
  BlockCompressor(base::ByteSink& out, CompressBlock compress_block, std::size_t block_bytes,
                  int level, unsigned threads)
      : out_(out),
        compress_block_(compress_block),
        block_bytes_(block_bytes),
        level_(level),
        in_flight_(threads + 1),
        pool_(threads) {}

  void write(Bytes bytes) override {
    while (!bytes.empty()) {
      if (block_.capacity() == 0) block_.reserve(block_bytes_);
      const std::size_t count = std::min(bytes.size(), block_bytes_ - block_.size());
      block_.insert(block_.end(), bytes.begin(),
                    bytes.begin() + static_cast<std::ptrdiff_t>(count));
      bytes = bytes.subspan(count);
      if (block_.size() == block_bytes_) submit();
    }
  }

  void finish() override {
    if (!block_.empty() || !any_) submit();  // no input at all is one empty member
    while (!pending_.empty()) drain_one();
  }

 private:
  void submit() {
    any_ = true;
    while (pending_.size() >= in_flight_) drain_one();
    pending_.push_back(pool_.submit([block = std::exchange(block_, {}), compress = compress_block_,
                                     level = level_] { return compress(block, level); }));
  }

  void drain_one() {
    std::future<std::vector<std::byte>> oldest = std::move(pending_.front());
    pending_.pop_front();
    out_.write(oldest.get());
  }

  base::ByteSink& out_;
  const CompressBlock compress_block_;
  const std::size_t block_bytes_;
  const int level_;
  const std::size_t in_flight_;
  std::vector<std::byte> block_;
  bool any_ = false;
  std::deque<std::future<std::vector<std::byte>>> pending_;
  base::ThreadPool pool_;  // ends first
};

int checked_level(const CompressOptions& options, int usual, int highest) {
  if (options.level == 0) return usual;
  if (options.level < 1 || options.level > highest) {
    throw Error("compression level {} is not between 1 and {}", options.level, highest);
  }
  return options.level;
}

bool has_magic(Bytes head, std::initializer_list<unsigned char> magic) {
  return head.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), head.begin(), [](unsigned char a, std::byte b) {
           return a == std::to_integer<unsigned char>(b);
         });
}

}  // namespace

Compression detect_compression(Bytes head) {
  if (has_magic(head, {0x1f, 0x8b, 0x08})) return Compression::kGzip;
  if (has_magic(head, {0x28, 0xb5, 0x2f, 0xfd})) return Compression::kZstd;
  const bool is_skippable_frame = head.size() >= 4 &&
                                  (std::to_integer<unsigned>(head[0]) & 0xf0) == 0x50 &&
                                  has_magic(head.subspan(1), {0x2a, 0x4d, 0x18});
  return is_skippable_frame ? Compression::kZstd : Compression::kNone;
}

std::unique_ptr<base::ByteSource> decompress(base::ByteSource& compressed) {
  return std::make_unique<Detecting>(compressed);
}

std::unique_ptr<base::ByteSource> decompress(base::ByteSource& compressed, Compression kind) {
  switch (kind) {
    case Compression::kGzip:
      return gunzip(compressed);
    case Compression::kZstd:
      return unzstd(compressed);
    case Compression::kNone:
      break;
  }
  return std::make_unique<Unchanged>(compressed);
}

std::unique_ptr<Compressor> compress(base::ByteSink& out, const CompressOptions& options) {
  const unsigned wanted = options.threads == 0 ? base::usable_processors() : options.threads;
  const unsigned threads = std::min(wanted, kMaxThreads);
  switch (options.compression) {
    case Compression::kGzip:
      return std::make_unique<BlockCompressor>(out, &gzip_member, 1 << 20,
                                               checked_level(options, kGzipUsualLevel, kGzipLevels),
                                               threads);
    case Compression::kZstd:
      return std::make_unique<BlockCompressor>(
          out, &zstd_frame, 2 << 20, checked_level(options, kZstdUsualLevel, kZstdLevels), threads);
    case Compression::kNone:
      break;
  }
  return std::make_unique<Uncompressed>(out);
}

}  // namespace bld::layers
