// The names of runs of bytes (image-spec, descriptor.md "Digests").
#pragma once

#include <compare>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "base/hash.h"

namespace bld::image {

// An algorithm and the hash of the bytes that it names.
// A value: ordered, hashable, shared between threads. One that was parsed is well formed; a
// default-constructed one names nothing and is only good for being assigned to.
class Digest {
 public:
  Digest() = default;

  // "sha256:" and 64, or "sha512:" and 128, lower-case hex digits; anything else throws Error.
  static Digest parse(std::string_view text);
  static Digest of(base::Bytes bytes);  // SHA-256
  static Digest from_sha256(const base::Sha256Value& value);

  const std::string& str() const { return text_; }

  std::string_view algorithm() const;
  std::string_view hex() const;

  bool empty() const { return text_.empty(); }

  auto operator<=>(const Digest&) const = default;

 private:
  explicit Digest(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

// Of a layer's uncompressed tar. Not the digest in a descriptor, which is of the bytes as stored.
struct DiffId {
  Digest digest;
  auto operator<=>(const DiffId&) const = default;
};

// Of a diffID upon all below it (image-spec, config.md "Layer ChainID").
struct ChainId {
  Digest digest;
  auto operator<=>(const ChainId&) const = default;
};

// Of the whole stack, lowest first; of no layers it is empty.
ChainId chain_id(std::span<const DiffId> layers);

}  // namespace bld::image

template <>
struct std::hash<bld::image::Digest> {
  std::size_t operator()(const bld::image::Digest& digest) const noexcept {
    return std::hash<std::string>()(digest.str());
  }
};
