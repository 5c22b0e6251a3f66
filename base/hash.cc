#include "base/hash.h"

#include <openssl/evp.h>
#include <sys/random.h>

#include <cstdint>

#include "base/check.h"
#include "base/error.h"

namespace bld::base {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();

  State() { reset(); }

  ~State() { EVP_MD_CTX_free(context); }

  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void reset() const { BLD_CHECK(EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::write(Bytes bytes) {
  BLD_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

void Sha256::write_field(std::string_view field) {
  std::array<std::byte, 8> length;
  auto size = static_cast<std::uint64_t>(field.size());
  for (std::byte& byte : length) {
    byte = static_cast<std::byte>(size & 0xff);
    size >>= 8;
  }
  write(length);
  write(as_bytes(field));
}

Sha256Value Sha256::finish() {
  Sha256Value value;
  unsigned size = 0;
  BLD_CHECK(EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(value.data()),
                               &size) == 1);
  state_->reset();
  return value;
}

Sha256Value Sha256::of(Bytes bytes) {
  Sha256 hash;
  hash.write(bytes);
  return hash.finish();
}

std::string to_hex(Bytes bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    text.push_back(kDigits[std::to_integer<unsigned>(byte) >> 4]);
    text.push_back(kDigits[std::to_integer<unsigned>(byte) & 15]);
  }
  return text;
}

std::string random_id() {
  std::array<std::byte, 16> bytes;
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw Error::sys("getrandom", "");
  }
  return to_hex(bytes);
}

}  // namespace bld::base
