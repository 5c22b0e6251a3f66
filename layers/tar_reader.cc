#include "layers/tar_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/rooted_dir.h"
#include "base/text.h"
#include "layers/tar_header.h"
#include "layers/tar_sparse.h"

namespace bld::layers {

namespace {

using base::Bytes;
using base::Error;
using Type = FileEntry::Type;
using PaxRecords = std::map<std::string, std::string, std::less<>>;

constexpr std::size_t kBufferBytes = 64 * 1024;

// A name as a path of components, without "." and slashes too many.
std::string clean_name(std::string_view name, const TarLimits& limits) {
  if (name.find('\0') != std::string_view::npos) throw Error("a name with a zero byte");
  std::string path;
  std::size_t depth = 0;
  for (const std::string_view component : base::path_components(name)) {
    if (component == "..") throw Error("{}: leads out of the archive", base::printable(name));
    if (component.size() > limits.component_bytes) throw Error("a name is too long");
    if (++depth > limits.depth) throw Error("a path is too deep");
    if (!path.empty()) path += '/';
    path += component;
  }
  return path;
}

std::optional<std::uint64_t> number_of(const PaxRecords& records, std::string_view key) {
  const auto found = records.find(key);
  if (found == records.end()) return std::nullopt;
  const auto value = base::parse_unsigned(found->second);
  if (!value || *value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    throw Error("a number in a pax header is damaged");
  }
  return *value;
}

std::uint32_t id_of(std::uint64_t value) {
  // 4294967295 means "leave as it is" to the kernel.
  if (value >= std::numeric_limits<std::uint32_t>::max()) throw Error("an owner's id is too big");
  return static_cast<std::uint32_t>(value);
}

bool has_content(char type) { return std::string_view("123456").find(type) == std::string::npos; }

}  // namespace

bool is_tar_header(Bytes block) {
  if (block.size() != kTarBlock || is_zero_block(block)) return false;
  try {
    parse_tar_header(block);
    return true;
  } catch (const Error&) {
    return false;
  }
}

struct TarReader::State : base::ByteSource {
  State(base::ByteSource& source, const TarLimits& tar_limits)
      : tar(source), limits(tar_limits), buffer(kBufferBytes) {}

  // ── bytes of the archive ──

  bool fill() {
    if (begin < end) return true;
    begin = 0;
    end = tar.read(buffer);
    return end > 0;
  }

  // False at the end of the archive; a part of a block is an error.
  bool read_block(std::array<std::byte, kTarBlock>& block) {
    std::size_t used = 0;
    while (used < kTarBlock && fill()) {
      const std::size_t count = std::min(kTarBlock - used, end - begin);
      std::memcpy(block.data() + used, buffer.data() + begin, count);
      begin += count;
      used += count;
    }
    if (used != 0 && used < kTarBlock) throw Error("the archive ends too early");
    return used != 0;
  }

  void skip(std::uint64_t count) {
    while (count > 0) {
      if (!fill()) throw Error("the archive ends too early");
      const auto step = std::min<std::uint64_t>(count, end - begin);
      begin += step;
      count -= step;
    }
  }

  void count_header_bytes(std::uint64_t count) {
    header_bytes += count;
    if (count > limits.header_bytes || header_bytes > limits.header_bytes) {
      throw Error("the headers of an entry are too long");
    }
  }

  // The data of an extended header.
  std::string read_body(std::uint64_t size) {
    count_header_bytes(size);
    std::string body;
    std::array<std::byte, kTarBlock> block;
    while (body.size() < size) {
      if (!read_block(block)) throw Error("the archive ends too early");
      const auto count = std::min<std::uint64_t>(size - body.size(), kTarBlock);
      body.append(base::as_text(Bytes(block).first(count)));
    }
    return body;
  }

  // ── entries ──

  const FileEntry* next() {
    if (finished) return nullptr;
    skip(stored_rest + padding);
    stored_rest = padding = 0;
    header_bytes = 0;
    records = global_records;
    gnu_name.reset();
    gnu_link.reset();
    early_map.clear();
    std::array<std::byte, kTarBlock> block;
    for (;;) {
      if (!read_block(block)) throw Error("the archive ends too early: it has no end mark");
      count_header_bytes(kTarBlock);
      if (is_zero_block(block)) {
        if (header_bytes > kTarBlock) throw Error("the archive ends within an entry");
        drain();
        return nullptr;
      }
      const TarHeader header = parse_tar_header(block);
      if (read_extended(header)) continue;
      if (++entries > limits.entries) throw Error("the archive has too many entries");
      make_entry(header, block);
      return &entry;
    }
  }

  void drain() {
    finished = true;
    begin = end;
    while (fill()) begin = end;
  }

  // A header that only tells about the next one.
  bool read_extended(const TarHeader& header) {
    switch (header.type) {
      case 'x':
      case 'X':  // Solaris, before pax had its letter
        read_pax(read_body(header.size), records);
        return true;
      case 'g':
        read_pax(read_body(header.size), global_records);
        for (const auto& [key, value] : global_records) records.insert_or_assign(key, value);
        check_global_size();
        header_bytes = 0;
        return true;
      case 'L':
        gnu_name = until_zero(read_body(header.size));
        return true;
      case 'K':
        gnu_link = until_zero(read_body(header.size));
        return true;
      case 'V':  // the archive's own label
        skip(header.size + pad(header.size));
        header_bytes = 0;
        return true;
      default:
        return false;
    }
  }

  void check_global_size() const {
    std::uint64_t total = 0;
    for (const auto& [key, value] : global_records) total += key.size() + value.size();
    if (total > limits.header_bytes) throw Error("the global pax headers are too long");
  }

  static std::string until_zero(std::string text) {
    text.resize(std::min(text.size(), text.find('\0')));
    return text;
  }

  static std::uint64_t pad(std::uint64_t size) {
    return (kTarBlock - size % kTarBlock) % kTarBlock;
  }

  void read_pax(const std::string& body, PaxRecords& into) {
    std::optional<std::uint64_t> run_offset;
    parse_pax_records(body, [&](std::string_view key, std::string_view value) {
      // Format 0.0 of sparse files repeats two keys, whose order counts.
      if (key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes") {
        const auto number = base::parse_unsigned(value);
        if (!number) throw Error("the map of a sparse file is damaged");
        if (key == "GNU.sparse.offset") {
          run_offset = *number;
        } else {
          if (!run_offset) throw Error("the map of a sparse file is damaged");
          early_map.push_back({*run_offset, *number});
          run_offset.reset();
        }
        return;
      }
      if (value.empty() && !key.starts_with("SCHILY.xattr.")) {
        into.erase(std::string(key));  // an empty value takes back what was said
      } else {
        into.insert_or_assign(std::string(key), std::string(value));
      }
    });
  }

  const std::string* record(std::string_view key) const {
    const auto found = records.find(key);
    return found == records.end() ? nullptr : &found->second;
  }

  void make_entry(const TarHeader& header, const std::array<std::byte, kTarBlock>& block) {
    entry = FileEntry();
    const std::string name = name_of(header);
    entry.path = clean_name(name, limits);
    entry.type = type_of(header, name);
    entry.mode = header.mode;
    entry.uid = id_of(number_of(records, "uid").value_or(header.uid));
    entry.gid = id_of(number_of(records, "gid").value_or(header.gid));
    entry.mtime_sec = header.mtime;
    if (const std::string* text = record("mtime")) {
      const PaxTime time = parse_pax_time(*text);
      entry.mtime_sec = time.seconds;
      entry.mtime_nsec = time.nanoseconds;
    }
    entry.dev_major = static_cast<std::uint32_t>(header.dev_major);
    entry.dev_minor = static_cast<std::uint32_t>(header.dev_minor);
    if (entry.type == Type::kSymlink || entry.type == Type::kHardLink) read_link(header);
    read_xattrs();
    // Those that are no more than a header have no data, whatever their size says (as Go has it).
    const std::uint64_t size =
        has_content(header.type) ? number_of(records, "size").value_or(header.size) : 0;
    read_content_map(header, block, size);
    if (entry.type != Type::kFile) entry.size = 0;
  }

  std::string name_of(const TarHeader& header) const {
    if (const std::string* name = record("GNU.sparse.name")) return *name;
    if (const std::string* name = record("path")) return *name;
    return gnu_name.value_or(header.name);
  }

  static Type type_of(const TarHeader& header, std::string_view name) {
    switch (header.type) {
      case '\0':
      case '0':
      case '7':
        // Before ustar a directory was told by the slash.
        return name.ends_with('/') ? Type::kDirectory : Type::kFile;
      case 'S':
        return Type::kFile;
      case '1':
        return Type::kHardLink;
      case '2':
        return Type::kSymlink;
      case '3':
        return Type::kCharDevice;
      case '4':
        return Type::kBlockDevice;
      case '5':
        return Type::kDirectory;
      case '6':
        return Type::kFifo;
      default:
        throw Error("{}: an entry of the unknown type '{}'", base::printable(name),
                    base::printable(std::string_view(&header.type, 1)));
    }
  }

  void read_link(const TarHeader& header) {
    const std::string* link = record("linkpath");
    entry.link = link != nullptr ? *link : gnu_link.value_or(header.link);
    if (entry.type == Type::kHardLink) {
      entry.link = clean_name(entry.link, limits);
      if (entry.link.empty())
        throw Error("{}: a hard link to the root", base::printable(entry.path));
    } else if (entry.link.empty() || entry.link.find('\0') != std::string::npos ||
               entry.link.size() >= 4096) {
      throw Error("{}: a symbolic link to no possible name", base::printable(entry.path));
    }
  }

  void read_xattrs() {
    constexpr std::string_view kPrefix = "SCHILY.xattr.";
    for (auto at = records.lower_bound(kPrefix);
         at != records.end() && at->first.starts_with(kPrefix); ++at) {
      if (at->second.size() > limits.xattr_bytes || at->first.size() > kPrefix.size() + 255) {
        throw Error("{}: an extended attribute is too long", base::printable(entry.path));
      }
      const std::string name = at->first.substr(kPrefix.size());
      if (name.find('\0') != std::string::npos) throw Error("an attribute's name has a zero byte");
      entry.xattrs.emplace(name, at->second);
    }
  }

  // ── contents ──

  // Where the `size` stored bytes belong, in each of the four ways in which sparse files are told.
  void read_content_map(const TarHeader& header, const std::array<std::byte, kTarBlock>& block,
                        std::uint64_t size) {
    stored_rest = size;
    padding = pad(size);
    offset = 0;
    run = 0;
    map.clear();
    entry.size = size;
    if (header.type == 'S') {
      entry.size = read_gnu_map(block);
    } else if (const std::string* major = record("GNU.sparse.major"); major && *major == "1") {
      read_map_in_data();
      entry.size = number_of(records, "GNU.sparse.realsize").value_or(0);
    } else if (const auto real_size = number_of(records, "GNU.sparse.size")) {
      const std::string* text = record("GNU.sparse.map");
      map = text != nullptr ? parse_sparse_map(*text) : std::exchange(early_map, {});
      entry.size = *real_size;
    } else {
      map.push_back({0, size});
      return;
    }
    check_sparse_map(map, entry.size, stored_rest);
  }

  // GNU's own: four runs in the header, and blocks of 21 more behind it.
  std::uint64_t read_gnu_map(const std::array<std::byte, kTarBlock>& header) {
    const std::int64_t real_size = parse_tar_number(Bytes(header).subspan(483, 12));
    std::array<std::byte, kTarBlock> block = header;
    std::size_t first = 386, count = 4, extended = 482;
    for (;;) {
      for (std::size_t i = 0; i < count; ++i) {
        const Bytes field = Bytes(block).subspan(first + i * 24, 24);
        if (field[0] == std::byte{0}) break;
        const std::int64_t at = parse_tar_number(field.first(12));
        const std::int64_t length = parse_tar_number(field.subspan(12));
        if (at < 0 || length < 0) throw Error("the map of a sparse file is damaged");
        map.push_back({static_cast<std::uint64_t>(at), static_cast<std::uint64_t>(length)});
      }
      if (block[extended] == std::byte{0}) break;
      count_header_bytes(kTarBlock);
      if (!read_block(block)) throw Error("the archive ends too early");
      first = 0;
      count = 21;
      extended = 504;
    }
    if (real_size < 0) throw Error("the map of a sparse file is damaged");
    return static_cast<std::uint64_t>(real_size);
  }

  // pax format 1.0: decimal lines in front of the data (how many runs, then two for each), filled
  // up to a whole block.
  void read_map_in_data() {
    std::string text;
    std::size_t position = 0;
    const auto next_number = [&] {
      std::size_t newline;
      while ((newline = text.find('\n', position)) == std::string::npos) {
        std::array<std::byte, kTarBlock> block;
        count_header_bytes(kTarBlock);
        if (stored_rest < kTarBlock || !read_block(block)) {
          throw Error("the map of a sparse file is damaged");
        }
        stored_rest -= kTarBlock;
        text.erase(0, position);
        position = 0;
        text.append(base::as_text(block));
      }
      const auto number =
          base::parse_unsigned(std::string_view(text).substr(position, newline - position));
      if (!number) throw Error("the map of a sparse file is damaged");
      position = newline + 1;
      return *number;
    };
    for (std::uint64_t runs = next_number(); runs > 0; --runs) {
      const std::uint64_t at = next_number();
      map.push_back({at, next_number()});
    }
  }

  std::size_t read(std::span<std::byte> out) override {
    while (run < map.size() && offset >= map[run].offset + map[run].length) ++run;
    std::uint64_t wanted = std::min<std::uint64_t>(out.size(), entry.size - offset);
    if (wanted == 0) return 0;
    const std::uint64_t data = run < map.size() ? map[run].offset : entry.size;
    if (offset < data) {
      wanted = std::min(wanted, data - offset);
      std::memset(out.data(), 0, wanted);
    } else {
      wanted = std::min(wanted, map[run].offset + map[run].length - offset);
      wanted = read_stored(out.first(wanted));
    }
    offset += wanted;
    return wanted;
  }

  // From the buffer, or straight from the source where much is wanted.
  std::size_t read_stored(std::span<std::byte> out) {
    std::size_t count = 0;
    if (begin == end && out.size() >= kBufferBytes) {
      count = tar.read(out);
    } else if (fill()) {
      count = std::min(out.size(), end - begin);
      std::memcpy(out.data(), buffer.data() + begin, count);
      begin += count;
    }
    if (count == 0) throw Error("the archive ends too early");
    stored_rest -= count;
    return count;
  }

  base::ByteSource& tar;
  const TarLimits limits;
  std::vector<std::byte> buffer;
  std::size_t begin = 0, end = 0;  // what is unread in the buffer
  bool finished = false;
  std::uint64_t entries = 0;

  std::uint64_t header_bytes = 0;
  PaxRecords records, global_records;
  std::optional<std::string> gnu_name, gnu_link;
  SparseMap early_map;

  FileEntry entry;
  SparseMap map;
  std::size_t run = 0;            // of the map, where `offset` is
  std::uint64_t offset = 0;       // in the file
  std::uint64_t stored_rest = 0;  // bytes of the entry still in the archive, without padding
  std::uint64_t padding = 0;
};

TarReader::TarReader(base::ByteSource& tar, const TarLimits& limits)
    : state_(std::make_unique<State>(tar, limits)) {}

TarReader::~TarReader() = default;

const FileEntry* TarReader::next() { return state_->next(); }

base::ByteSource& TarReader::content() { return *state_; }

}  // namespace bld::layers
