#include "image/digest.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace bld::image {

namespace {

bool is_lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

Digest Digest::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view algorithm = text.substr(0, colon);
  const std::string_view hex = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  const std::size_t wanted = algorithm == "sha256" ? 64 : algorithm == "sha512" ? 128 : 0;
  if (wanted == 0 || hex.size() != wanted || !is_lower_hex(hex)) {
    throw base::Error("\"{}\" is not a digest", base::printable(text.substr(0, 200)));
  }
  return Digest(std::string(text));
}

Digest Digest::of(base::Bytes bytes) { return from_sha256(base::Sha256::of(bytes)); }

Digest Digest::from_sha256(const base::Sha256Value& value) {
  return Digest("sha256:" + base::to_hex(value));
}

std::string_view Digest::algorithm() const {
  return std::string_view(text_).substr(0, text_.find(':'));
}

std::string_view Digest::hex() const {
  const std::size_t colon = text_.find(':');
  return colon == std::string::npos ? "" : std::string_view(text_).substr(colon + 1);
}

ChainId chain_id(std::span<const DiffId> layers) {
  ChainId chain;
  for (const DiffId& layer : layers) {
    chain.digest = chain.digest.empty()
                       ? layer.digest
                       : Digest::of(base::as_bytes(chain.digest.str() + " " + layer.digest.str()));
  }
  return chain;
}

}  // namespace bld::image
