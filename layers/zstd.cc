#include "layers/zstd.h"

#include <zstd.h>

#include "base/check.h"
#include "base/error.h"

namespace bld::layers {

namespace {

using base::Error;

constexpr int kWindowLogMax = 27;  // 128 MiB

class Unzstd : public base::ByteSource {
 public:
  explicit Unzstd(base::ByteSource& compressed)
      : compressed_(compressed), buffer_(ZSTD_DStreamInSize()), context_(ZSTD_createDCtx()) {
    BLD_CHECK(context_ != nullptr);
    BLD_CHECK(
        !ZSTD_isError(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLogMax)));
  }

  std::size_t read(std::span<std::byte> buffer) override {
    ZSTD_outBuffer out = {buffer.data(), buffer.size(), 0};
    if (buffer.empty() || finished_) return 0;
    while (out.pos == 0) {
      if (in_.pos == in_.size && !refill() && !has_more_output_) {
        if (in_frame_) throw Error("the zstd data ends too early");
        finished_ = true;
        return 0;
      }
      const std::size_t result = ZSTD_decompressStream(context_.get(), &out, &in_);
      if (ZSTD_isError(result)) {
        throw Error("the zstd data is damaged: {}", ZSTD_getErrorName(result));
      }
      in_frame_ = result != 0;
      has_more_output_ = in_frame_ && out.pos == out.size;
    }
    return out.pos;
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };

  bool refill() {
    in_ = {buffer_.data(), compressed_.read(buffer_), 0};
    return in_.size > 0;
  }

  base::ByteSource& compressed_;
  std::vector<std::byte> buffer_;
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  ZSTD_inBuffer in_ = {nullptr, 0, 0};
  bool in_frame_ = true;          // no frame at all is too early an end as well
  bool has_more_output_ = false;  // the context may hold bytes that found no room
  bool finished_ = false;
};

}  // namespace

std::unique_ptr<base::ByteSource> unzstd(base::ByteSource& compressed) {
  return std::make_unique<Unzstd>(compressed);
}

std::vector<std::byte> zstd_frame(base::Bytes bytes, int level) {
  const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                        &ZSTD_freeCCtx);
  BLD_CHECK(context != nullptr);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::vector<std::byte> frame(ZSTD_compressBound(bytes.size()));
  const std::size_t size =
      ZSTD_compress2(context.get(), frame.data(), frame.size(), bytes.data(), bytes.size());
  BLD_CHECK(!ZSTD_isError(size));
  frame.resize(size);
  return frame;
}

}  // namespace bld::layers
