#include "layers/tar_header.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/text.h"

namespace bld::layers {

namespace {

using base::Bytes;
using base::Error;

// Up to the first zero byte.
std::string text_field(Bytes block, std::size_t offset, std::size_t size) {
  const std::string_view field = base::as_text(block.subspan(offset, size));
  return std::string(field.substr(0, field.find('\0')));
}

std::int64_t number_field(Bytes block, std::size_t offset, std::size_t size) {
  return parse_tar_number(block.subspan(offset, size));
}

std::uint64_t unsigned_field(Bytes block, std::size_t offset, std::size_t size) {
  const std::int64_t value = number_field(block, offset, size);
  if (value < 0) throw Error("a number in a tar header is negative");
  return static_cast<std::uint64_t>(value);
}

// Two's complement, most significant byte first; the topmost bit only marks the format.
std::int64_t parse_base256(Bytes field) {
  const bool is_negative = (field[0] & std::byte{0x40}) != std::byte{0};
  std::int64_t value = is_negative ? -1 : 0;
  for (std::size_t i = 0; i < field.size(); ++i) {
    auto byte = std::to_integer<std::uint8_t>(field[i]);
    if (i == 0) byte = is_negative ? (byte | 0x80) : (byte & 0x7f);
    if (value > (std::numeric_limits<std::int64_t>::max() >> 8) ||
        value < (std::numeric_limits<std::int64_t>::min() >> 8)) {
      throw Error("a number in a tar header is too big");
    }
    value = static_cast<std::int64_t>((static_cast<std::uint64_t>(value) << 8) | byte);
  }
  return value;
}

// Old tars summed signed characters.
void verify_checksum(Bytes block) {
  constexpr std::size_t kBegin = 148, kEnd = 156;
  std::int64_t as_unsigned = 0, as_signed = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const auto byte =
        i >= kBegin && i < kEnd ? std::uint8_t{' '} : std::to_integer<std::uint8_t>(block[i]);
    as_unsigned += byte;
    as_signed += static_cast<std::int8_t>(byte);
  }
  const std::int64_t told = number_field(block, kBegin, kEnd - kBegin);
  if (told != as_unsigned && told != as_signed) {
    throw Error("not a tar archive, or a damaged one: wrong checksum of a header");
  }
}

}  // namespace

bool is_zero_block(Bytes block) {
  return std::all_of(block.begin(), block.end(), [](std::byte b) { return b == std::byte{0}; });
}

std::int64_t parse_tar_number(Bytes field) {
  if ((field[0] & std::byte{0x80}) != std::byte{0}) return parse_base256(field);
  std::string_view text = base::as_text(field);
  text = text.substr(0, text.find('\0'));
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.empty()) return 0;
  const auto value = base::parse_unsigned(text, 8);
  if (!value || *value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    throw Error("a number in a tar header is damaged");
  }
  return static_cast<std::int64_t>(*value);
}

TarHeader parse_tar_header(Bytes block) {
  verify_checksum(block);
  TarHeader header;
  const std::string_view magic = base::as_text(block.subspan(257, 8));
  if (magic == std::string_view("ustar  \0", 8)) {
    header.format = TarHeader::Format::kGnu;
  } else if (magic.starts_with(std::string_view("ustar\0", 6))) {
    header.format = TarHeader::Format::kUstar;
  }
  header.name = text_field(block, 0, 100);
  header.mode = static_cast<std::uint32_t>(number_field(block, 100, 8) & 07777);
  header.uid = unsigned_field(block, 108, 8);
  header.gid = unsigned_field(block, 116, 8);
  header.size = unsigned_field(block, 124, 12);
  header.mtime = number_field(block, 136, 12);
  header.type = static_cast<char>(block[156]);
  header.link = text_field(block, 157, 100);
  if (header.type == '3' || header.type == '4') {
    header.dev_major = unsigned_field(block, 329, 8);
    header.dev_minor = unsigned_field(block, 337, 8);
  }
  if (header.format == TarHeader::Format::kUstar) {
    // Schilling's star ends the prefix earlier and says so at the end of the block.
    const bool is_star = base::as_text(block.subspan(508, 4)) == std::string_view("tar\0", 4);
    const std::string prefix = text_field(block, 345, is_star ? 131 : 155);
    if (!prefix.empty()) header.name = prefix + "/" + header.name;
  }
  return header;
}

void parse_pax_records(
    std::string_view body,
    const std::function<void(std::string_view key, std::string_view value)>& record) {
  while (!body.empty()) {
    const std::size_t blank = body.find(' ');
    const auto length = base::parse_unsigned(body.substr(0, std::min<std::size_t>(blank, 20)));
    if (blank == std::string_view::npos || !length || *length < blank + 3 ||
        *length > body.size() || body[*length - 1] != '\n') {
      throw Error("a pax header is damaged");
    }
    const std::string_view pair = body.substr(blank + 1, *length - blank - 2);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0) throw Error("a pax header is damaged");
    record(pair.substr(0, equals), pair.substr(equals + 1));
    body.remove_prefix(*length);
  }
}

PaxTime parse_pax_time(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  const std::size_t dot = text.find('.');
  const auto whole = base::parse_unsigned(text.substr(0, dot));
  // A bit less than int64 can hold, so that one more second never overflows.
  if (!whole || *whole > std::numeric_limits<std::int64_t>::max() / 2) {
    throw Error("a time in a pax header is damaged");
  }
  PaxTime time = {static_cast<std::int64_t>(*whole), 0};
  if (dot != std::string_view::npos) {
    std::string fraction(text.substr(dot + 1));
    fraction.resize(9, '0');
    const auto digits = base::parse_unsigned(fraction);
    if (!digits) throw Error("a time in a pax header is damaged");
    time.nanoseconds = static_cast<std::uint32_t>(*digits);
  }
  if (is_negative) {
    time.seconds = -time.seconds;
    if (time.nanoseconds != 0) {
      time.seconds -= 1;
      time.nanoseconds = 1'000'000'000 - time.nanoseconds;
    }
  }
  return time;
}

}  // namespace bld::layers
