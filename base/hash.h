// SHA-256 as a sink, and hexadecimal text.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_stream.h"

namespace bld::base {

using Sha256Value = std::array<std::byte, 32>;

class Sha256 : public ByteSink {
 public:
  Sha256();
  ~Sha256() override;
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void write(Bytes bytes) override;

  // A field whose length is hashed too, so that ("ab","c") and ("a","bc") differ.
  void write_field(std::string_view field);

  // Ends the computation; the object starts over.
  Sha256Value finish();

  static Sha256Value of(Bytes bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string to_hex(Bytes bytes);  // lower case

// A name that nobody can guess: 128 random bits as 32 hexadecimal digits.
std::string random_id();

}  // namespace bld::base
