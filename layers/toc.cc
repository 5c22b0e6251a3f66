#include "layers/toc.h"

#include <bit>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/rooted_dir.h"
#include "base/text.h"
#include "layers/whiteout.h"

namespace bld::layers {

namespace {

using base::Error;
using Type = FileEntry::Type;

static_assert(std::endian::native == std::endian::little);

// First in the file: another version is made anew from the layer.
constexpr std::string_view kMagic = "bld toc 1\n";
constexpr std::size_t kStreamBytes = 64 << 10;
constexpr std::uint64_t kMostKeptBytes = 1 << 20;
constexpr std::uint32_t kLongestText = 4 << 20;

// Kinds of records besides the types of entries.
constexpr char kOpaqueRecord = 'o';
constexpr char kEndRecord = 'e';

char kind_of(Type type) { return static_cast<char>('0' + static_cast<int>(type)); }

Type type_of(char kind) {
  const int number = kind - '0';
  if (number < 0 || number > static_cast<int>(Type::kWhiteout)) {
    throw Error("a record of an unknown kind");
  }
  return static_cast<Type>(number);
}

template <typename Number>
void put(std::string& buffer, Number number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  buffer.append(bytes, sizeof bytes);
}

void put_text(std::string& buffer, std::string_view text) {
  put(buffer, static_cast<std::uint32_t>(text.size()));
  buffer += text;
}

class RecordReader {
 public:
  explicit RecordReader(base::ByteSource& source) : source_(source), buffer_(kStreamBytes, '\0') {}

  template <typename Number>
  Number number() {
    Number value;
    read(reinterpret_cast<char*>(&value), sizeof value);
    return value;
  }

  std::string text() {
    const auto size = number<std::uint32_t>();
    if (size > kLongestText) throw Error("a text of {} bytes", size);
    std::string value(size, '\0');
    read(value.data(), size);
    return value;
  }

  // The checksum is behind the last byte.
  void expect_end() {
    if (at_ != end_ || source_.read(std::as_writable_bytes(std::span(buffer_))) != 0) {
      throw Error("it goes on behind its end");
    }
  }

  void read(char* to, std::size_t size) {
    while (size > 0) {
      if (at_ == end_) fill();
      const std::size_t count = std::min(size, end_ - at_);
      std::memcpy(to, buffer_.data() + at_, count);
      to += count;
      at_ += count;
      size -= count;
    }
  }

 private:
  void fill() {
    at_ = 0;
    end_ = source_.read(std::as_writable_bytes(std::span(buffer_)));
    if (end_ == 0) throw Error("it ends too early");
  }

  base::ByteSource& source_;
  std::string buffer_;
  std::size_t at_ = 0, end_ = 0;
};

FileEntry read_entry(RecordReader& reader) {
  FileEntry entry;
  entry.opaque = reader.number<std::uint8_t>() != 0;
  entry.mode = reader.number<std::uint32_t>();
  entry.uid = reader.number<std::uint32_t>();
  entry.gid = reader.number<std::uint32_t>();
  entry.mtime_sec = reader.number<std::int64_t>();
  entry.size = reader.number<std::uint64_t>();
  entry.path = reader.text();
  entry.link = reader.text();
  const auto xattrs = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < xattrs; ++i) {
    std::string name = reader.text();
    entry.xattrs[std::move(name)] = reader.text();
  }
  return entry;
}

}  // namespace

bool is_kept_in_toc(const FileEntry& entry) {
  return entry.type == Type::kFile && entry.size <= kMostKeptBytes &&
         (entry.path == "etc/passwd" || entry.path == "etc/group");
}

TocWriter::TocWriter(base::ByteSink& sink)
    : compressor_(compress(sink, {.compression = Compression::kZstd, .level = 1, .threads = 1})),
      buffer_(kMagic) {}

void TocWriter::add_from_tar(const FileEntry& entry, std::string_view text) {
  if (entry.type == Type::kDirectory) return add(entry);
  WhiteoutName name = parse_whiteout(entry.path);
  if (name.kind == WhiteoutName::Kind::kNone) return add(entry, text);
  FileEntry mark;
  mark.path = std::move(name.path);
  mark.type = Type::kWhiteout;
  const bool is_opaque = name.kind == WhiteoutName::Kind::kOpaque;
  add_record(is_opaque ? kOpaqueRecord : kind_of(Type::kWhiteout), mark, {});
}

void TocWriter::add(const FileEntry& entry, std::string_view text) {
  add_record(kind_of(entry.type), entry, text);
}

void TocWriter::add_record(char kind, const FileEntry& entry, std::string_view text) {
  put(buffer_, kind);
  put(buffer_, static_cast<std::uint8_t>(entry.opaque ? 1 : 0));
  put(buffer_, entry.mode);
  put(buffer_, entry.uid);
  put(buffer_, entry.gid);
  put(buffer_, entry.mtime_sec);
  put(buffer_, entry.size);
  put_text(buffer_, entry.path);
  put_text(buffer_, entry.link);
  put(buffer_, static_cast<std::uint32_t>(entry.xattrs.size()));
  for (const auto& [name, value] : entry.xattrs) {
    put_text(buffer_, name);
    put_text(buffer_, value);
  }
  put_text(buffer_, text);
  if (buffer_.size() >= kStreamBytes) flush();
}

void TocWriter::flush() {
  compressor_->write(base::as_bytes(buffer_));
  buffer_.clear();
}

void TocWriter::finish() {
  put(buffer_, kEndRecord);
  flush();
  compressor_->finish();
}

Toc Toc::read(base::ByteSource& source) try {
  const std::unique_ptr<base::ByteSource> plain = decompress(source, Compression::kZstd);
  RecordReader reader(*plain);
  std::string magic(kMagic.size(), '\0');
  reader.read(magic.data(), magic.size());
  if (magic != kMagic) throw Error("it is of another version");
  Toc toc;
  for (;;) {
    const char kind = reader.number<char>();
    if (kind == kEndRecord) {
      reader.expect_end();
      return toc;
    }
    if (toc.nodes_.size() >= kMostEntries) throw Error("it has too many entries");
    FileEntry entry = read_entry(reader);
    std::string text = reader.text();
    if (kind == kOpaqueRecord) {
      toc.set_opaque(entry.path);
    } else {
      entry.type = type_of(kind);
      toc.add(std::move(entry), std::move(text));
    }
  }

} catch (Error& error) {
  error.add_context("a table of contents");
  throw;
}

bool Toc::has_below(const std::string& path) const {
  if (path.empty()) return !nodes_.empty();
  const auto next = nodes_.upper_bound(path);
  return next != nodes_.end() && next->first.starts_with(path + "/");
}

void Toc::erase_with_below(const std::string& path) {
  auto at = nodes_.lower_bound(path);
  while (at != nodes_.end() && (at->first == path || at->first.starts_with(path + "/"))) {
    texts_.erase(at->first);
    at = nodes_.erase(at);
  }
}

// A whiteout above the path makes room for a new directory; a file there cannot.
void Toc::make_way(const std::string& path) {
  for (std::string above = base::split_path(path).parent; !above.empty();
       above = base::split_path(above).parent) {
    const auto known = nodes_.find(above);
    if (known == nodes_.end() || known->second.entry.type == Type::kDirectory) continue;
    if (known->second.entry.type != Type::kWhiteout) {
      throw Error("{}: not a directory, but something is to be put below it",
                  base::printable(above));
    }
    nodes_.erase(known);
    set_opaque(above);
  }
}

void Toc::set_opaque(const std::string& directory) {
  make_way(directory);
  const auto [at, is_new] = nodes_.try_emplace(directory);
  FileEntry& entry = at->second.entry;
  if (is_new || entry.type == Type::kWhiteout) {
    entry.path = directory;
    entry.type = Type::kDirectory;
    at->second.implied = true;
  }
  if (entry.type != Type::kDirectory) {
    throw Error("{}: a file that is to hide what is in it", base::printable(directory));
  }
  entry.opaque = true;
}

void Toc::add_hard_link(FileEntry entry) {
  const auto target = nodes_.find(entry.link);
  if (target == nodes_.end() || target->second.entry.type == Type::kWhiteout) {
    throw Error("{}: a hard link to {}, which is not in the layer", base::printable(entry.path),
                base::printable(entry.link));
  }
  std::string path = std::move(entry.path);
  entry = target->second.entry;
  entry.path = path;
  const auto text = texts_.find(target->first);
  add(std::move(entry), text == texts_.end() ? std::string() : text->second);
}

void Toc::add(FileEntry entry, std::string text) {
  const bool is_device = entry.type == Type::kCharDevice || entry.type == Type::kBlockDevice;
  if (is_device) return;  // trees have none
  if (entry.type == Type::kHardLink) return add_hard_link(std::move(entry));
  make_way(entry.path);
  const auto known = nodes_.find(entry.path);
  const bool was_whiteout = known != nodes_.end() && known->second.entry.type == Type::kWhiteout;
  const bool was_directory =
      (known != nodes_.end() && known->second.entry.type == Type::kDirectory) ||
      has_below(entry.path);
  if (entry.type == Type::kWhiteout) {
    if (was_directory) return set_opaque(entry.path);
    if (known != nodes_.end()) return;  // what the layer itself has there stays
  } else if (entry.type == Type::kDirectory) {
    entry.opaque =
        entry.opaque || was_whiteout || (known != nodes_.end() && known->second.entry.opaque);
    texts_.erase(entry.path);
  } else {
    erase_with_below(entry.path);
    if (is_kept_in_toc(entry) && text.size() == entry.size) texts_[entry.path] = std::move(text);
  }
  std::string path = entry.path;
  nodes_[std::move(path)] = {std::move(entry), false};
}

Toc::Look Toc::look(const std::string& path) const {
  Look look;
  for (std::size_t end = 0;; ++end) {
    // The root, each directory on the way, and the path itself.
    if (end != 0) end = std::min(path.find('/', end), path.size());
    const auto found = nodes_.find(path.substr(0, end));
    const bool is_whole = end == path.size();
    if (found != nodes_.end()) {
      const FileEntry& entry = found->second.entry;
      if (entry.type == Type::kWhiteout)
        return {.kind = Look::Kind::kHidden, .entry = {}, .hides_lower = true};
      if (!is_whole && entry.type != Type::kDirectory) {
        return {.kind = Look::Kind::kHidden, .entry = {}, .hides_lower = true};
      }
      look.hides_lower = look.hides_lower || entry.opaque;
      if (is_whole && !found->second.implied) {
        look.kind = Look::Kind::kShown;
        look.entry = entry;
        return look;
      }
    }
    if (is_whole) break;
  }
  if (has_below(path) || nodes_.contains(path)) {
    look.kind = Look::Kind::kImplied;
  } else if (look.hides_lower) {
    look.kind = Look::Kind::kHidden;
  }
  return look;
}

const std::string* Toc::text(const std::string& path) const {
  const auto found = texts_.find(path);
  return found == texts_.end() ? nullptr : &found->second;
}

}  // namespace bld::layers
