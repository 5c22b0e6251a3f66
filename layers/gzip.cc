#include "layers/gzip.h"

#include <libdeflate.h>

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "base/error.h"
#include "layers/isal.h"

namespace bld::layers {

namespace {

using base::Error;

constexpr std::size_t kInputBytes = 128 * 1024;

class Gunzip : public base::ByteSource {
 public:
  explicit Gunzip(base::ByteSource& compressed) : compressed_(compressed), input_(kInputBytes) {
    isal::inflate_init(&stream_);
    stream_.crc_flag = ISAL_GZIP;  // reads the header, compares the checksum and the size
  }

  std::size_t read(std::span<std::byte> buffer) override {
    if (buffer.empty() || finished_) return 0;
    stream_.next_out = reinterpret_cast<std::uint8_t*>(buffer.data());
    stream_.avail_out = static_cast<std::uint32_t>(std::min<std::size_t>(buffer.size(), 1U << 30));
    const std::uint32_t room = stream_.avail_out;
    while (stream_.avail_out == room) {
      // What is decoded already may be waiting for room, so an empty input is no end yet.
      const bool has_input = stream_.avail_in > 0 || refill();
      if (stream_.block_state == ISAL_BLOCK_FINISH) {
        if (!has_input) {
          finished_ = true;
          return 0;
        }
        next_member();
      }
      const int result = isal::inflate(&stream_);
      if (result < 0) throw Error("the gzip data is damaged: {}", reason(result));
      const bool is_stuck = stream_.avail_out == room && stream_.block_state != ISAL_BLOCK_FINISH;
      if (!has_input && is_stuck) throw Error("the gzip data ends too early");
    }
    return room - stream_.avail_out;
  }

 private:
  void next_member() {
    isal::inflate_reset(&stream_);
    stream_.crc_flag = ISAL_GZIP;
  }

  bool refill() {
    const std::size_t count = compressed_.read(input_);
    stream_.next_in = reinterpret_cast<std::uint8_t*>(input_.data());
    stream_.avail_in = static_cast<std::uint32_t>(count);
    return count > 0;
  }

  static const char* reason(int result) {
    switch (result) {
      case ISAL_INVALID_BLOCK:
        return "invalid block";
      case ISAL_INVALID_SYMBOL:
        return "invalid symbol";
      case ISAL_INVALID_LOOKBACK:
        return "a distance that is too far back";
      case ISAL_INVALID_WRAPPER:
        return "no gzip header";
      case ISAL_UNSUPPORTED_METHOD:
        return "unknown compression method";
      case ISAL_INCORRECT_CHECKSUM:
        return "wrong checksum";
      default:
        return "unknown error";
    }
  }

  base::ByteSource& compressed_;
  std::vector<std::byte> input_;
  inflate_state stream_;
  bool finished_ = false;
};

}  // namespace

std::unique_ptr<base::ByteSource> gunzip(base::ByteSource& compressed) {
  return std::make_unique<Gunzip>(compressed);
}

std::vector<std::byte> gzip_member(base::Bytes bytes, int level) {
  const std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> compressor(
      libdeflate_alloc_compressor(level), &libdeflate_free_compressor);
  BLD_CHECK(compressor != nullptr);
  std::vector<std::byte> member(libdeflate_gzip_compress_bound(compressor.get(), bytes.size()));
  const std::size_t size = libdeflate_gzip_compress(compressor.get(), bytes.data(), bytes.size(),
                                                    member.data(), member.size());
  BLD_CHECK(size > 0);
  member.resize(size);
  return member;
}

}  // namespace bld::layers
