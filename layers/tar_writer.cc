#include "layers/tar_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/rooted_dir.h"
#include "base/text.h"
#include "layers/whiteout.h"

namespace bld::layers {

namespace {

using base::Error;
using Type = FileEntry::Type;

constexpr std::size_t kBlock = 512;
constexpr std::size_t kBufferBytes = 256 * 1024;
using PaxRecords = std::map<std::string, std::string>;

// The header of POSIX 1003.1-1988 (ustar), as bytes.
struct Header {
  char name[100];
  char mode[8], uid[8], gid[8];
  char size[12], mtime[12];
  char checksum[8];
  char type;
  char link[100];
  char magic[6], version[2];
  char user[32], group[32];
  char dev_major[8], dev_minor[8];
  char prefix[155];
  char padding[12];
};

static_assert(sizeof(Header) == kBlock);

// Octal digits and a zero byte; false when the number needs more digits.
template <std::size_t kSize>
bool put_octal(char (&field)[kSize], std::uint64_t value) {
  const bool fits = value >> (3 * (kSize - 1)) == 0;
  std::uint64_t rest = fits ? value : 0;
  for (std::size_t i = kSize - 1; i-- > 0; rest >>= 3) {
    field[i] = static_cast<char>('0' + (rest & 7));
  }
  field[kSize - 1] = '\0';
  return fits;
}

// The name in one field or split at a slash over two; false when it fits neither way.
bool put_name(Header& header, const std::string& name) {
  if (name.size() <= sizeof header.name) {
    std::memcpy(header.name, name.data(), name.size());
    return true;
  }
  // The last slash that leaves a prefix short enough; a final one belongs to the name.
  const std::size_t slash = name.rfind('/', std::min(sizeof header.prefix, name.size() - 2));
  if (slash == std::string::npos || slash == 0) return false;
  const std::size_t rest = name.size() - slash - 1;
  if (rest > sizeof header.name) return false;
  std::memcpy(header.prefix, name.data(), slash);
  std::memcpy(header.name, name.data() + slash + 1, rest);
  return true;
}

void put_checksum(Header& header) {
  std::memset(header.checksum, ' ', sizeof header.checksum);
  unsigned sum = 0;
  std::array<unsigned char, kBlock> bytes;
  std::memcpy(bytes.data(), &header, kBlock);
  for (const unsigned char byte : bytes) sum += byte;
  char digits[7];
  put_octal(digits, sum);
  std::memcpy(header.checksum, digits, sizeof digits);  // six digits, zero, blank
}

Header empty_header(char type) {
  Header header;
  std::memset(&header, 0, sizeof header);
  header.type = type;
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  return header;
}

// "LENGTH KEY=VALUE\n", where LENGTH counts its own digits too.
std::string pax_record(const std::string& key, const std::string& value) {
  const std::size_t fixed = key.size() + value.size() + 3;
  std::size_t length = fixed + 1;
  while (fixed + std::to_string(length).size() != length) {
    length = fixed + std::to_string(length).size();
  }
  return fmt::format("{} {}={}\n", length, key, value);
}

char type_flag(Type type) {
  switch (type) {
    case Type::kFile:
    case Type::kWhiteout:
      return '0';
    case Type::kHardLink:
      return '1';
    case Type::kSymlink:
      return '2';
    case Type::kCharDevice:
      return '3';
    case Type::kBlockDevice:
      return '4';
    case Type::kDirectory:
      return '5';
    case Type::kFifo:
      return '6';
  }
  BLD_CHECK(false);
}

std::string tar_name(const FileEntry& entry) {
  if (entry.type == Type::kWhiteout) return whiteout_path(entry.path);
  if (entry.path.empty()) return "./";
  return entry.type == Type::kDirectory ? entry.path + "/" : entry.path;
}

void put_xattrs(const FileEntry& entry, PaxRecords& records) {
  for (const auto& [name, value] : entry.xattrs) {
    if (name.find('=') != std::string::npos) {
      throw Error("{}: a layer cannot hold an extended attribute with '=' in its name ({})",
                  base::printable(entry.path), base::printable(name));
    }
    records["SCHILY.xattr." + name] = value;
  }
}

void put_numbers(const FileEntry& entry, Header& header, PaxRecords& records) {
  // A link's own permissions mean nothing, and file systems do not agree on them.
  put_octal(header.mode, entry.type == Type::kSymlink ? 0777 : entry.mode & 07777);
  if (!put_octal(header.uid, entry.uid)) records["uid"] = std::to_string(entry.uid);
  if (!put_octal(header.gid, entry.gid)) records["gid"] = std::to_string(entry.gid);
  const std::uint64_t size = entry.type == Type::kFile ? entry.size : 0;
  if (!put_octal(header.size, size)) records["size"] = std::to_string(size);
  const bool is_negative = entry.mtime_sec < 0;
  if (!put_octal(header.mtime, is_negative ? 0 : static_cast<std::uint64_t>(entry.mtime_sec)) ||
      is_negative) {
    records["mtime"] = std::to_string(entry.mtime_sec);
  }
  const bool is_device = entry.type == Type::kCharDevice || entry.type == Type::kBlockDevice;
  put_octal(header.dev_major, is_device ? entry.dev_major : 0);
  put_octal(header.dev_minor, is_device ? entry.dev_minor : 0);
}

// The marker of something that is not there: all zeros but its name.
FileEntry marker(std::string path) {
  FileEntry entry;
  entry.path = std::move(path);
  return entry;
}

bool has_whiteout_name(const FileEntry& entry) {
  return base::split_path(entry.path).name.starts_with(".wh.");
}

}  // namespace

TarWriter::TarWriter(base::ByteSink& sink) : sink_(sink), buffer_(kBufferBytes) {}

void TarWriter::add(const FileEntry& entry, base::ByteSource* content) {
  if (has_whiteout_name(entry)) {
    throw Error("{}: a layer cannot hold a name that begins with .wh.",
                base::printable(entry.path));
  }
  if (entry.type == Type::kWhiteout) {
    FileEntry plain = marker(entry.path);
    plain.type = Type::kWhiteout;
    add_header(plain);
  } else {
    add_header(entry);
  }
  ++entries_;
  if (entry.type == Type::kFile) append_content(entry, content);
  if (entry.type == Type::kDirectory && entry.opaque) {
    add_header(marker(opaque_path(entry.path)));
    ++entries_;
  }
}

void TarWriter::add_header(const FileEntry& entry) {
  Header header = empty_header(type_flag(entry.type));
  PaxRecords records;
  const std::string name = tar_name(entry);
  if (!put_name(header, name)) {
    // Readers without pax see the front of it.
    std::memcpy(header.name, name.data(), sizeof header.name);
    records["path"] = name;
  }
  if (entry.type == Type::kSymlink || entry.type == Type::kHardLink) {
    std::memcpy(header.link, entry.link.data(), std::min(entry.link.size(), sizeof header.link));
    if (entry.link.size() > sizeof header.link) records["linkpath"] = entry.link;
  }
  put_numbers(entry, header, records);
  if (entry.type != Type::kHardLink && entry.type != Type::kWhiteout) put_xattrs(entry, records);
  if (!records.empty()) add_pax_header(records);
  put_checksum(header);
  append(std::as_bytes(std::span(&header, 1)));
}

void TarWriter::add_pax_header(const std::map<std::string, std::string>& records) {
  std::string body;
  for (const auto& [key, value] : records) body += pax_record(key, value);
  Header header = empty_header('x');
  put_name(header, "././@PaxHeader");
  put_octal(header.mode, 0644);
  put_octal(header.uid, 0);
  put_octal(header.gid, 0);
  put_octal(header.size, body.size());
  put_octal(header.mtime, 0);
  put_octal(header.dev_major, 0);
  put_octal(header.dev_minor, 0);
  put_checksum(header);
  append(std::as_bytes(std::span(&header, 1)));
  append(base::as_bytes(body));
  append_zeros((kBlock - body.size() % kBlock) % kBlock);
}

void TarWriter::finish() {
  append_zeros(2 * kBlock);
  flush();
}

void TarWriter::append(base::Bytes bytes) {
  while (!bytes.empty()) {
    if (used_ == buffer_.size()) flush();
    const std::size_t count = std::min(bytes.size(), buffer_.size() - used_);
    std::memcpy(buffer_.data() + used_, bytes.data(), count);
    used_ += count;
    size_ += count;
    bytes = bytes.subspan(count);
  }
}

void TarWriter::append_zeros(std::size_t count) {
  static constexpr std::array<std::byte, 2 * kBlock> kZeros{};
  append(base::Bytes(kZeros).first(count));
}

// Straight into the buffer: contents are copied once, by the read.
void TarWriter::append_content(const FileEntry& entry, base::ByteSource* content) {
  for (std::uint64_t rest = entry.size; rest > 0;) {
    if (used_ == buffer_.size()) flush();
    const auto room = std::min<std::uint64_t>(rest, buffer_.size() - used_);
    const std::size_t count =
        content == nullptr ? 0 : content->read(std::span(buffer_).subspan(used_, room));
    if (count == 0) {
      throw Error("{}: became shorter while it was read", base::printable(entry.path));
    }
    used_ += count;
    size_ += count;
    rest -= count;
  }
  append_zeros((kBlock - entry.size % kBlock) % kBlock);
}

void TarWriter::flush() {
  sink_.write(base::Bytes(buffer_).first(used_));
  used_ = 0;
}

}  // namespace bld::layers
