#include "registry/tar_split.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "layers/compression.h"
#include "registry/credentials.h"

namespace bld::registry {

namespace {

constexpr std::size_t kChunkBytes = 64 << 10;
constexpr std::int64_t kFile = 1, kBytes = 2;  // the types of a line

std::string decoded(const base::Json& line, std::string_view key) {
  const auto bytes = decode_base64(line.string(key));
  if (!bytes) throw base::Error("\"{}\" is no base64", key);
  return *bytes;
}

}  // namespace

TarSplitSource::TarSplitSource(base::UniqueFd index, base::RootedDir files)
    : index_(std::move(index)),
      index_file_(index_.get()),
      lines_(layers::decompress(index_file_)),
      files_(std::move(files)) {}

TarSplitSource::~TarSplitSource() = default;

std::size_t TarSplitSource::read(std::span<std::byte> buffer) {
  if (buffer.empty()) return 0;
  for (;;) {
    if (next_byte_ < bytes_.size()) {
      const std::size_t count = std::min(buffer.size(), bytes_.size() - next_byte_);
      std::memcpy(buffer.data(), bytes_.data() + next_byte_, count);
      next_byte_ += count;
      return count;
    }
    if (file_left_ > 0) return read_file(buffer);
    std::string line;
    if (!next_line(line)) return 0;
    try {
      take_line(line);
    } catch (base::Error& error) {
      error.add_context("tar-split");
      throw;
    }
  }
}

bool TarSplitSource::next_line(std::string& line) {
  for (;;) {
    const std::size_t end = buffered_.find('\n', line_begin_);
    if (end != std::string::npos) {
      line = buffered_.substr(line_begin_, end - line_begin_);
      line_begin_ = end + 1;
      return true;
    }
    buffered_.erase(0, line_begin_);
    line_begin_ = 0;
    if (buffered_.size() > base::Json::kMaximumBytes) throw base::Error("a line has no end");
    std::array<std::byte, kChunkBytes> chunk;
    const std::size_t count = lines_->read(chunk);
    if (count == 0) {
      line = std::exchange(buffered_, {});
      return !line.empty();
    }
    buffered_ += base::as_text(base::Bytes(chunk).first(count));
  }
}

void TarSplitSource::take_line(const std::string& text) {
  const base::Json line = base::Json::parse(text);
  const std::int64_t type = line.integer("type");
  if (type == kBytes) {
    bytes_ = decoded(line, "payload");
    next_byte_ = 0;
    return;
  }
  if (type != kFile) throw base::Error("a line of the unknown type {}", type);
  const std::int64_t size = line.integer("size");
  if (size <= 0) return;
  // A name that is no UTF-8 is there as bytes.
  file_name_ = line.find("name_raw") != nullptr ? decoded(line, "name_raw") : line.string("name");
  file_ = files_.open_regular(file_name_);
  struct stat status = {};
  if (::fstat(file_.get(), &status) != 0) throw base::Error::sys("fstat", file_name_);
  if (status.st_size != size) {
    throw base::Error("{} has {} bytes, in the tar it has {}", base::printable(file_name_),
                      status.st_size, size);
  }
  file_left_ = static_cast<std::uint64_t>(size);
}

std::size_t TarSplitSource::read_file(std::span<std::byte> buffer) {
  const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), file_left_);
  const std::size_t count = base::FdSource(file_.get()).read(buffer.first(wanted));
  if (count == 0) throw base::Error("{} ends early", base::printable(file_name_));
  file_left_ -= count;
  return count;
}

}  // namespace bld::registry
