#include "layers/gzip.h"

#include <libdeflate.h>
#include <zlib.h>

#include "base/check.h"
#include "base/error.h"

namespace bld::layers {

namespace {

using base::Error;

constexpr std::size_t kInputBytes = 128 * 1024;

class Gunzip : public base::ByteSource {
 public:
  explicit Gunzip(base::ByteSource& compressed) : compressed_(compressed), input_(kInputBytes) {
    BLD_CHECK(::inflateInit2(&stream_, 15 + 16) == Z_OK);  // 32 KiB window, gzip only
  }

  ~Gunzip() override { ::inflateEnd(&stream_); }

  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  std::size_t read(std::span<std::byte> buffer) override {
    if (buffer.empty() || finished_) return 0;
    stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(buffer.size(), 1U << 30));
    const uInt room = stream_.avail_out;
    while (stream_.avail_out == room) {
      const bool has_input = stream_.avail_in > 0 || refill();
      if (between_members_) {
        if (!has_input) {
          finished_ = true;
          return 0;
        }
        BLD_CHECK(::inflateReset(&stream_) == Z_OK);
        between_members_ = false;
      }
      if (!has_input) throw Error("the gzip data ends too early");
      const int result = ::inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        between_members_ = true;
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        throw Error("the gzip data is damaged: {}",
                    stream_.msg != nullptr ? stream_.msg : "unknown error");
      }
    }
    return room - stream_.avail_out;
  }

 private:
  bool refill() {
    const std::size_t count = compressed_.read(input_);
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(count);
    return count > 0;
  }

  base::ByteSource& compressed_;
  std::vector<std::byte> input_;
  z_stream stream_{};
  bool between_members_ = false;
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
