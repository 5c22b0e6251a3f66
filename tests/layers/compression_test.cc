#include "layers/compression.h"

#include <gtest/gtest.h>

#include <array>

#include "base/error.h"

namespace bld::layers {
namespace {

using base::Error;

std::string sample(std::size_t size) {
  std::string text;
  unsigned state = 1;
  while (text.size() < size) {
    state = state * 1103515245 + 12345;
    text += std::to_string(state >> 20);
  }
  text.resize(size);
  return text;
}

std::string packed(const std::string& text, CompressOptions options, std::size_t step = 100'000) {
  base::StringSink out;
  const auto compressor = compress(out, options);
  for (std::size_t at = 0; at < text.size(); at += step) {
    compressor->write(base::as_bytes(text).subspan(at, std::min(step, text.size() - at)));
  }
  compressor->finish();
  return std::move(out.text);
}

std::string unpacked(const std::string& blob) {
  base::MemorySource source(blob);
  return base::read_to_end(*decompress(source), 1 << 25);
}

TEST(Compression, RoundTripsAndIsTheSameForAnyNumberOfThreads) {
  for (const Compression kind : {Compression::kGzip, Compression::kZstd}) {
    for (const std::size_t size : {0U, 1U, 1U << 20, (1U << 20) + 1, 5'000'000U}) {
      const std::string text = sample(size);
      const std::string one = packed(text, {kind, 0, 1});
      EXPECT_EQ(unpacked(one), text);
      EXPECT_EQ(one, packed(text, {kind, 0, 4}, 7777));
      EXPECT_EQ(detect_compression(base::as_bytes(one)), kind);
    }
  }
}

TEST(Compression, UncompressedBytesPassThrough) {
  for (const char* text : {"", "a", "abc", "plain text"}) {
    EXPECT_EQ(unpacked(text), text);
    EXPECT_EQ(packed(text, {Compression::kNone, 0, 1}), text);
  }
}

TEST(Compression, TruncationGarbageAndDamageAreErrors) {
  for (const Compression kind : {Compression::kGzip, Compression::kZstd}) {
    const std::string blob = packed(sample(3000), {kind, 0, 1});
    for (std::size_t size = 4; size < blob.size(); ++size) {
      EXPECT_THROW(unpacked(blob.substr(0, size)), Error) << size;
    }
    EXPECT_THROW(unpacked(blob + "garbage"), Error);
    EXPECT_THROW(unpacked(blob + std::string(100, '\0')), Error);
    std::string damaged = blob;
    damaged[blob.size() / 2] ^= 1;
    EXPECT_THROW(unpacked(damaged), Error);
    EXPECT_EQ(unpacked(blob + blob), sample(3000) + sample(3000));
  }
}

// Gives one byte at a time.
class Dripping : public base::ByteSource {
 public:
  explicit Dripping(const std::string& text) : source_(text) {}

  std::size_t read(std::span<std::byte> buffer) override {
    return source_.read(buffer.first(std::min<std::size_t>(buffer.size(), 1)));
  }

 private:
  base::MemorySource source_;
};

TEST(Compression, InputInSinglePiecesAndOutputInSmallOnesGiveTheSame) {
  const std::string text = sample(70'000);
  for (const Compression kind : {Compression::kGzip, Compression::kZstd}) {
    const std::string blob = packed(text, {kind, 0, 1}) + packed(text, {kind, 0, 1});
    Dripping source(blob);
    const auto plain = decompress(source);
    std::string result;
    std::array<std::byte, 7> piece;
    while (const std::size_t count = plain->read(piece)) {
      result += base::as_text(base::Bytes(piece).first(count));
    }
    EXPECT_EQ(result, text + text);
  }
}

TEST(Compression, GzipHeadersWithEveryFieldAreRead) {
  // FTEXT, FEXTRA of 3 bytes, FNAME and FCOMMENT in front of what compress() made.
  const std::string blob = packed("contents", {Compression::kGzip, 0, 1});
  std::string full("\x1f\x8b\x08\x1d\0\0\0\0\0\x03\x03\0xyzname\0comment\0", 28);
  full += blob.substr(10);
  EXPECT_EQ(unpacked(full + full), "contentscontents");
  Dripping source(full);
  EXPECT_EQ(base::read_to_end(*decompress(source), 100), "contents");
}

TEST(Compression, AHugeZstdWindowIsRefused) {
  // A frame header that asks for a window of 2 GiB.
  const std::string frame("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 9);
  EXPECT_THROW(unpacked(frame), Error);
}

TEST(Compression, LevelsOutOfRangeAreErrors) {
  base::StringSink out;
  EXPECT_THROW(compress(out, {Compression::kGzip, 13, 1}), Error);
  EXPECT_THROW(compress(out, {Compression::kZstd, -1, 1}), Error);
  EXPECT_LT(packed(sample(1 << 20), {Compression::kGzip, 9, 1}).size(),
            packed(sample(1 << 20), {Compression::kGzip, 1, 1}).size());
}

}  // namespace
}  // namespace bld::layers
