// The 512 bytes of a tar header and the text of pax records, as numbers and strings. For the
// reader; what they mean together is in tar_reader.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/byte_stream.h"

namespace bld::layers {

inline constexpr std::size_t kTarBlock = 512;

struct TarHeader {
  enum class Format { kV7, kUstar, kGnu };
  Format format = Format::kV7;
  std::string name;  // prefix included
  std::string link;
  char type = '0';
  std::uint32_t mode = 0;
  std::uint64_t uid = 0, gid = 0, size = 0;
  std::int64_t mtime = 0;
  std::uint64_t dev_major = 0, dev_minor = 0;
};

bool is_zero_block(base::Bytes block);

// Throws for a wrong checksum and for numbers that are none.
TarHeader parse_tar_header(base::Bytes block);

// A number field: octal digits with blanks, or base 256. Throws.
std::int64_t parse_tar_number(base::Bytes field);

// Hands each "LENGTH KEY=VALUE\n" to `record`, in order. Throws for anything else.
void parse_pax_records(
    std::string_view body,
    const std::function<void(std::string_view key, std::string_view value)>& record);

// Seconds and nanoseconds of a pax time ("-1.5", "1700000000.123456789").
struct PaxTime {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
};

PaxTime parse_pax_time(std::string_view text);

}  // namespace bld::layers
