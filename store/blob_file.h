// A blob in the making. Private to this folder.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/byte_stream.h"
#include "base/hash.h"
#include "base/unique_fd.h"
#include "image/descriptor.h"
#include "store/state.h"

namespace bld::store {

// Writes a file in tmp/ and hashes it on the way; removed unless published.
class BlobFile : public base::ByteSink {
 public:
  explicit BlobFile(StoreState& state);
  ~BlobFile() override;
  BlobFile(const BlobFile&) = delete;
  BlobFile& operator=(const BlobFile&) = delete;

  void write(base::Bytes bytes) override;

  std::uint64_t size_bytes() const { return size_; }

  // Ends the writing; the digest of all that was written.
  image::Digest finish();
  // After finish(): syncs the file, pins it and gives it its name. The name itself is on disk only
  // after the next commit of a transaction.
  void publish();

 private:
  StoreState& state_;
  std::filesystem::path path_;
  base::UniqueFd file_;
  base::Sha256 hash_;
  std::uint64_t size_ = 0;
  std::optional<image::Digest> digest_;
  bool published_ = false;
};

// What comes out of `source`, which must be exactly what `expected` says; kept in `file` on the
// way.
class ExpectedSource : public base::ByteSource {
 public:
  ExpectedSource(base::ByteSource& source, const image::Descriptor& expected, BlobFile& file)
      : source_(source), expected_(expected), file_(file) {}

  // Throws as soon as there is more than expected.
  std::size_t read(std::span<std::byte> buffer) override;
  // Reads what is left, and compares size and digest.
  void verify();

 private:
  base::ByteSource& source_;
  const image::Descriptor& expected_;
  BlobFile& file_;
};

}  // namespace bld::store
